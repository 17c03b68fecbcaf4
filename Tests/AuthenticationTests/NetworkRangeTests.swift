import Testing

@testable import Authentication

struct NetworkRangeTests {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ("10.0.0.0/9", "10.127.1.1", true), ("10.0.0.0/9", "10.128.1.1", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true),
        ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
        ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("::1", "0:0::1", true), ("127.0.0.1", "junk", false),
    ])
    func contains(_ range: String, _ address: String, _ expected: Bool) throws {
        #expect(try #require(NetworkRange(range)).contains(address) == expected)
    }

    @Test(arguments: ["", "/", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/", "x/8"])
    func refuses(_ text: String) { #expect(NetworkRange(text) == nil) }

    @Test(arguments: [
        ("192.0.2.0/24,local", "192.0.2.1", true), ("192.0.2.0/24", nil, false), ("local", nil, true),
        ("local", "192.0.2.1", false), ("junk,::1", "::1", true), ("", "::1", false), ("", nil, false),
    ])
    func allowNets(_ networks: String, _ address: String?, _ expected: Bool) {
        #expect(Verifier.allows(networks, address) == expected)
    }
}
