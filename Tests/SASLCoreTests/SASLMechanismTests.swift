import SASLCore
import Testing

struct SASLMechanismTests {
    @Test(arguments: [
        ("PLAIN", "PLAIN"), ("plain", "PLAIN"), ("Scram-Sha-256", "SCRAM-SHA-256"), ("X_1", "X_1"),
        ("ABCDEFGHIJKLMNOPQRST", "ABCDEFGHIJKLMNOPQRST"), ("ABCDEFGHIJKLMNOPQRSTU", nil), ("", nil),
        ("A B", nil), ("PLÄIN", nil), ("PLAIN\0", nil), ("PLAIN=", nil),
    ])
    func name(_ text: String, _ expected: String?) {
        #expect(SASLMechanismName(text)?.text == expected)
    }

    @Test func registryFindsAndSelects() throws {
        let unknown = try #require(SASLMechanismName("X-NONE"))
        #expect(SASLRegistry.builtIn[.plain]?.name == .plain)
        #expect(SASLRegistry.builtIn[unknown] == nil)
        let selected = SASLRegistry.builtIn.selecting([.login, unknown, .plain, .login])
        #expect(selected.mechanisms.map(\.name) == [.login, .plain])
    }
}
