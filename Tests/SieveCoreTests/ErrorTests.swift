import MIMECore
import Testing

@testable import SieveCore

/// One bad script for each rule: where the error is and how it is told.
@Suite struct ErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var script: String
        var errors: [String]
        var testDescription: String { self.script }

        init(_ script: String, _ errors: String...) {
            self.script = script
            self.errors = errors
        }
    }

    static let lexical = [
        Case("keep;\n \"abc", "line 2, column 2: error: this string is not closed by a double quote"),
        Case(
            "redirect text:\nabc\n..\n",
            "line 1, column 10: error: this text is not closed by a line with a single dot"),
        Case(
            "redirect text: abc\n.\n;",
            "line 1, column 16: error: after \"text:\" the line must end; the text begins on the next"),
        Case("keep; /* abc", "line 1, column 7: error: this comment is not closed by \"*/\""),
        Case("keep\u{0};", "line 1, column 5: error: a NUL octet is not allowed in scripts"),
        Case("redirect \"\u{0}\";", "line 1, column 11: error: a NUL octet is not allowed in scripts"),
        Case("keep;\rkeep;", "line 1, column 6: error: a carriage return without a line feed is not allowed"),
        Case(
            "redirect \"a\rb\";",
            "line 1, column 12: error: a carriage return without a line feed is not allowed"),
        Case(
            "redirect 'a';",
            "line 1, column 10: error: strings are written with double quotes, not with \"'\""),
        Case("keep; é", "line 1, column 7: error: unexpected character \"é\""),
        Case("keep;\u{1}", "line 1, column 6: error: a control character is not allowed here"),
        Case(
            "if size :over 100kb { }",
            "line 1, column 15: error: a number consists of digits and may end in K, M or G only"),
        Case("if size :over 99999999999999999999 { }", "line 1, column 15: error: this number is too big"),
        Case("if size :over 99999999999999G { }", "line 1, column 15: error: this number is too big"),
        Case(
            "if size : over 1 { }",
            "line 1, column 9: error: \":\" must be followed by the name of a tag, such as :is"),
    ]

    static let grammatical = [
        Case(
            "keep",
            "line 1, column 5: error: \";\" or a block is missing after \"keep\", but found the end of the script"
        ),
        Case(
            "if true { keep }",
            "line 1, column 16: error: \";\" or a block is missing after \"keep\", but found \"}\""),
        Case("if true { keep;", "line 1, column 9: error: this \"{\" has no \"}\""),
        Case("keep; }\ndiscard;", "line 1, column 7: error: \"}\" without a \"{\" before it"),
        Case("\"keep\";", "line 1, column 1: error: a command was expected, but found the string \"keep\""),
        Case(
            "if exists [] { }",
            "line 1, column 12: error: a string was expected in this list, but found \"]\""),
        Case(
            "if exists [\"a\" \"b\"] { }",
            "line 1, column 16: error: \",\" or \"]\" was expected in this list, but found the string \"b\""),
        Case(
            "if exists [\"a\", 5] { }",
            "line 1, column 17: error: a string was expected in this list, but found the number 5"),
        Case("if anyof () { }", "line 1, column 11: error: a test was expected, but found \")\""),
        Case(
            "if anyof (true true) { }",
            "line 1, column 16: error: \"true\" takes no test, but found \"true\""),
        Case(
            "if anyof (true; false) { }",
            "line 1, column 15: error: \",\" or \")\" was expected in this list of tests, but found \";\"",
            "line 1, column 22: error: \";\" or a block is missing after \"false\", but found \")\""),
        Case(
            "if true, false { }",
            "line 1, column 8: error: \";\" or a block is missing after \"if\", but found \",\""),
    ]

    static let semantical = [
        Case("kepe;", "line 1, column 1: error: unknown command \"kepe\""),
        Case("if nonsense { }", "line 1, column 4: error: unknown test \"nonsense\""),
        Case("if keep { }", "line 1, column 4: error: \"keep\" is a command, not a test"),
        Case(
            "header \"a\" \"b\";", "line 1, column 1: error: \"header\" is a test; it belongs behind \"if\""),
        Case(
            "keep;\nrequire \"fileinto\";",
            "line 2, column 1: error: \"require\" must stand before all other commands"),
        Case(
            "if true { require \"fileinto\"; }",
            "line 1, column 11: error: \"require\" must stand before all other commands"),
        Case(
            "require [\"fileinto\", \"magic\"];",
            "line 1, column 22: error: this server has no extension \"magic\""),
        Case("require \"Fileinto\";", "line 1, column 9: error: this server has no extension \"Fileinto\""),
        Case(
            "require;",
            "line 1, column 1: error: \"require\" is incomplete: a string or a list of strings for the capabilities is missing"
        ),
        Case(
            "fileinto \"a\";",
            "line 1, column 1: error: \"fileinto\" needs `require \"fileinto\";` at the beginning of the script"
        ),
        Case(
            "if envelope \"from\" \"a\" { }",
            "line 1, column 4: error: \"envelope\" needs `require \"envelope\";` at the beginning of the script"
        ),
        Case("else { }", "line 1, column 1: error: \"else\" must follow an \"if\" or \"elsif\" directly"),
        Case(
            "if true { } keep; elsif true { }",
            "line 1, column 19: error: \"elsif\" must follow an \"if\" or \"elsif\" directly"),
        Case(
            "if true { } else { } else { }",
            "line 1, column 22: error: \"else\" must follow an \"if\" or \"elsif\" directly"),
        Case("if { }", "line 1, column 1: error: \"if\" needs a test"),
        Case("if true;", "line 1, column 1: error: \"if\" needs a block of commands in braces"),
        Case(
            "if (true, false) { }",
            "line 1, column 4: error: \"if\" takes one test; join several with \"allof\" or \"anyof\""),
        Case(
            "if true { } else if true { }",
            "line 1, column 18: error: \"else\" takes no test, but found \"if\""),
        Case("if not { }", "line 1, column 4: error: \"not\" needs a test"),
        Case("if allof true { }", "line 1, column 4: error: \"allof\" needs a list of tests in parentheses"),
        Case("if anyof { }", "line 1, column 4: error: \"anyof\" needs a list of tests in parentheses"),
        Case("keep { }", "line 1, column 1: error: \"keep\" takes no block; it ends with \";\""),
        Case(
            "keep\nstop;",
            "line 2, column 1: error: \"keep\" takes no test; is a \";\" missing before \"stop\"?"),
        Case("keep (true);", "line 1, column 6: error: \"keep\" takes no tests"),
        Case(
            "keep \"x\";", "line 1, column 6: error: \"keep\" takes no argument, but found the string \"x\""),
        Case(
            "redirect \"a@b\" \"c@d\";",
            "line 1, column 16: error: \"redirect\" takes no argument after the address, but found the string \"c@d\""
        ),
        Case(
            "redirect;",
            "line 1, column 1: error: \"redirect\" is incomplete: a string for the address is missing"),
        Case(
            "redirect [\"a@b\"];",
            "line 1, column 10: error: \"redirect\" takes a string for the address, but found a list of strings"
        ),
        Case(
            "redirect 5;",
            "line 1, column 10: error: \"redirect\" takes a string for the address, but found the number 5"),
        Case(
            "redirect \"nobody\";",
            "line 1, column 10: error: \"nobody\" is no address to which mail can be sent"),
        Case(
            "require \"fileinto\";\nfileinto \"\";", "line 2, column 10: error: \"\" is no name of a mailbox"),
        Case("if size 100 { }", "line 1, column 4: error: \"size\" needs \":over\" or \":under\""),
        Case(
            "if size :over :under 100 { }",
            "line 1, column 15: error: the tags \":over\" and \":under\" exclude each other"),
        Case(
            "if size :over \"100\" { }",
            "line 1, column 15: error: \"size\" takes a number for the limit, but found the string \"100\""),
        Case(
            "if header :is :is \"a\" \"b\" { }",
            "line 1, column 15: error: \"header\" has the tag \":is\" twice"),
        Case(
            "if header :is :contains \"a\" \"b\" { }",
            "line 1, column 15: error: the tags \":is\" and \":contains\" exclude each other"),
        Case(
            "if address :all :domain \"to\" \"b\" { }",
            "line 1, column 17: error: the tags \":all\" and \":domain\" exclude each other"),
        Case(
            "if header :domain \"a\" \"b\" { }",
            "line 1, column 11: error: \"header\" does not know the tag \":domain\""),
        Case(
            "if header \"a\" :is \"b\" { }",
            "line 1, column 15: error: the tag \":is\" must stand before the other arguments of \"header\""),
        Case(
            "if header \"a\" { }",
            "line 1, column 4: error: \"header\" is incomplete: a string or a list of strings for the keys is missing"
        ),
        Case(
            "if header :comparator 5 \"a\" \"b\" { }",
            "line 1, column 11: error: a string must follow the tag \":comparator\""
        ),
        Case(
            "if header :comparator \"i;klingon\" \"a\" \"b\" { }",
            "line 1, column 23: error: unknown comparator \"i;klingon\""),
        Case(
            "if header :comparator \"i;ascii-numeric\" \"a\" \"b\" { }",
            "line 1, column 23: error: the comparator \"i;ascii-numeric\" needs `require \"comparator-i;ascii-numeric\";` at the beginning of the script"
        ),
        Case(
            "require \"comparator-i;ascii-numeric\";\nif header :contains :comparator \"i;ascii-numeric\" \"a\" \"b\" { }",
            "line 2, column 11: error: the comparator \"i;ascii-numeric\" cannot be used with \":contains\""),
        Case(
            "if address \"subject\" \"b\" { }",
            "line 1, column 12: error: the header \"subject\" holds no addresses; use \"header\" instead"),
        Case(
            "require \"envelope\";\nif envelope [\"from\", \"cc\"] \"b\" { }",
            "line 2, column 22: error: the envelope has no part \"cc\", only \"from\" and \"to\""),
        Case(
            "require \"encoded-character\";\nif header \"a\" \"${unicode:D800}\" { }",
            "line 2, column 15: error: there is no Unicode character D800 in \"${unicode:D800}\""),
    ]

    @Test(arguments: lexical + grammatical + semantical)
    func told(_ bad: Case) { #expect(complaints(bad.script) == bad.errors) }

    @Test func severalInOneScript() {
        let script = """
            require ["fileinto", "magic"];
            if header :foo "a" "b" {
                kepe;
                redirect 5;
            } elsif nonsense {
                fileinto ["x"];
            } else {
                discard "y";
            }
            """
        #expect(
            complaints(script).map { $0.prefix { $0 != ":" } } == [
                "line 1, column 22", "line 2, column 11", "line 3, column 5", "line 4, column 14",
                "line 5, column 9", "line 6, column 14", "line 8, column 13",
            ])
    }

    /// What is no Sieve is not checked further, but all of it is told.
    @Test func severalThatAreNoSieve() {
        let script = """
            kepe;
            if header { fileinto "x" }
            keep keep keep
            """
        #expect(
            complaints(script).map { $0.prefix { $0 != ":" } } == ["line 2, column 26", "line 3, column 15"])
    }

    /// A name that is not known is told once.
    @Test func unknownNamesOnce() {
        let script = """
            kepe; if kepe { } kepe; if kepe { }
            keep :x; discard :x; keep :x;
            """
        #expect(
            complaints(script).map { $0.prefix { $0 != ":" } } == [
                "line 1, column 1", "line 1, column 10", "line 2, column 6", "line 2, column 18",
            ])
    }

    @Test func shownOnlyUpToTheLimit() {
        let compilation = SieveCompiler().compile(
            Array(String(repeating: "keep 1;", count: 500).utf8), name: "x")
        #expect(compilation.diagnostics.count == 10)
        #expect(compilation.errorCount == 500)
        #expect(compilation.script == nil)
    }

    /// RFC 7352 section 3.1: no error, and no duplicate.
    @Test func duplicateByANameThatNoHeaderHas() throws {
        let source = #"require "duplicate"; if duplicate :header "a b" { discard; }"#
        #expect(complaints(source) == ["line 1, column 43: warning: no header is ever named \"a b\""])
        let script = try #require(SieveCompiler().compile(Array(source.utf8), name: "x").script)
        var environment = SieveEnvironment(sender: nil, recipient: nil)
        environment.host = ExampleHost(seen: ["/x"])
        let result = crlf("a b: x\n\n").withUnsafeBytes {
            script.run(SieveMessage(Octets($0)), environment, limits: SieveLimits())
        }
        #expect(result.keepsImplicitly)
    }

    @Test func warnsOfNamesThatNoHeaderHas() {
        let script = #"if exists ["From:", "a b"] { discard; }"#
        #expect(
            complaints(script) == [
                "line 1, column 12: warning: no header is ever named \"From:\"; write it without the colon",
                "line 1, column 21: warning: no header is ever named \"a b\"",
            ])
        #expect(SieveCompiler().compile(Array(script.utf8), name: "x").script != nil)
    }
}
