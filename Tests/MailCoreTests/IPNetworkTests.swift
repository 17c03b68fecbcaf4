import MailCore
import Testing

struct IPNetworkTests {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.0/25", "192.0.2.128", false), ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ("10.0.0.0/9", "10.127.1.1", true), ("10.0.0.0/9", "10.128.1.1", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::ffff:1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("::/0", "192.0.2.1", false),
        ("::/0", "2001:db8::1", true), ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ("::1", "0:0::1", true), ("[2001:db8::1]", "2001:db8::1%eth0", true),
        ("10.0.0.0/9", "10.0.0.0/9", true), ("10.0.0.0/9", "10.0.0.0/8", false),
    ])
    func contains(_ network: String, _ other: String, _ expected: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(try #require(IPNetwork(other))) == expected)
    }

    @Test(arguments: [
        "", "/", "1.2.3", "1.2.3.4/33", "1.2.3.4/-1", "::/129", "x", "x/8", "1.2.3.4/", "::ffff:0:0/95x",
    ])
    func noNetworks(_ text: String) { #expect(IPNetwork(text) == nil) }
}
