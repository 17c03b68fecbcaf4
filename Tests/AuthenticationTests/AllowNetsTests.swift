import Testing

@testable import Authentication

struct AllowNetsTests {
    @Test(arguments: [
        ("192.0.2.0/24,local", "192.0.2.1", true), ("192.0.2.0/24", nil, false), ("local", nil, true),
        ("local", "192.0.2.1", false), ("junk,::1", "::1", true), ("", "::1", false), ("", nil, false),
    ])
    func allowNets(_ networks: String, _ address: String?, _ expected: Bool) {
        #expect(Verifier.allows(networks, address) == expected)
    }
}
