import Testing

@testable import ServerConfig

@Suite struct SyntaxTests {
    @Test func valuesAreFreedOfQuotesAndComments() throws {
        let settings = try settings(
            """
            # a comment
               hostname   =   mail.example.org   # and one behind
            login_greeting = "  Hello # there  "
            mail_uid = 'vmail'
            mail_gid = a#b
            state_dir = \\
              /srv/state \\

            sendmail_path = /usr/sbin/sendmail \\
              -oi
            sieve_user_log = "say \\"hi\\" \\\\ %%"
            """)
        #expect(settings.general.hostname == "mail.example.org")
        #expect(settings.general.loginGreeting == "  Hello # there  ")
        #expect(settings.mail.uid == "vmail")
        #expect(settings.mail.gid == "a#b")
        #expect(settings.general.stateDirectory == "/srv/state")
        #expect(settings.delivery.sendmailPath == "/usr/sbin/sendmail -oi")
        #expect(settings.sieve.userLog == "say \"hi\" \\ %%")
    }

    @Test func carriageReturnsAreLineEnds() throws {
        #expect(try settings("hostname = a.example\r\nmail_uid = b\r\n").mail.uid == "b")
    }

    @Test func blocksMayStandOnOneLine() throws {
        let settings = try settings(
            "service imap { inet_listener imap { port = 10143 } }\nservice pop3 {\n inet_listener pop3 { port = 10110 }\n}\n"
        )
        #expect(settings.port(of: "imap") == 10143)
        #expect(settings.port(of: "pop3") == 10110)
    }

    @Test func variablesAreTheValuesSoFar() throws {
        let loaded = load(
            basics + """
                base_dir = /srv/run
                mail_path = $SET:base_dir/mail
                mail_home = $base_dir/home
                hostname = $ENV:HOST
                login_greeting = '$base_dir $x'
                mail_uid = $nothing
                mail_gid = "$SET:mail_uid"
                """, environment: ["HOST": "h.example"])
        #expect(loaded.diagnostics == [])
        let settings = try #require(loaded.configuration).settings
        #expect(settings.mail.path == "/srv/run/mail")
        #expect(settings.mail.home == "/srv/run/home")
        #expect(settings.general.hostname == "h.example")
        #expect(settings.general.loginGreeting == "$base_dir $x")
        #expect(settings.mail.uid == "$nothing")
        #expect(settings.mail.gid == "$nothing")
    }

    @Test func filesStandForValues() throws {
        let settings = try settings(
            "hostname = <name\nmail_uid = < /etc/uid\n",
            files: ["/etc/martlet/name": "h.example\n", "/etc/uid": "vmail"])
        #expect(settings.general.hostname == "h.example")
        #expect(settings.mail.uid == "vmail")
    }

    @Test func includesAreRelativeToTheirFile() throws {
        let settings = try settings(
            "!include sub/a.conf\n!include_try sub/none.conf\nservice imap {\n!include sub/imap.conf\n}\n",
            files: [
                "/etc/martlet/sub/a.conf": "!include b.conf\nhostname = a\n",
                "/etc/martlet/sub/b.conf": "mail_uid = b\n",
                "/etc/martlet/sub/imap.conf": "inet_listener imap {\n port = 1143\n}\n",
            ])
        #expect(settings.mail.uid == "b")
        #expect(settings.general.hostname == "a")
        #expect(settings.port(of: "imap") == 1143)
    }

    @Test(arguments: [
        (
            "!include none.conf",
            [
                "1: cannot read /etc/martlet/none.conf: No such file or directory; write !include_try if it may be missing"
            ]
        ),
        ("!includ x", ["1: !includ is unknown; write !include or !include_try"]),
        ("!include", ["1: !include names no file"]),
        ("}", ["1: a } that closes nothing"]),
        ("service imap {", ["1: service { is never closed; a } is missing"]),
        (
            "hostname",
            ["1: neither a setting nor a block; write hostname = value, or hostname { on a line of its own"]
        ),
        ("= x", ["1: a = without a name before it"]),
        ("hostname = \"x", ["1: a quote that is not closed"]),
        (
            "service imap { client_limit = 1",
            ["1: write what follows { on lines of its own", "1: service { is never closed; a } is missing"]
        ),
        ("hostname = $SET:hostnam", ["1: $SET:hostnam: there is no setting hostnam; did you mean hostname?"]),
        ("hostname = $ENV:NOT", ["1: $ENV:NOT: the environment has no such variable"]),
        ("hostname = </none", ["1: hostname: cannot read /none: No such file or directory"]),
        ("\u{0}", ["-: is not UTF-8 text"]),
    ])
    func mistakes(_ text: String, _ expected: [String]) {
        let found = diagnostics(text)
        if text == "\u{0}" {
            #expect(found.contains("-: is not UTF-8 text"))
        } else {
            #expect(found == expected)
        }
    }

    @Test func circlesEnd() {
        let found = load(
            "!include a.conf\n",
            files: [
                "/etc/martlet/a.conf": "!include b.conf\n",
                "/etc/martlet/b.conf": "!include a.conf\n!include ../martlet/b.conf\n",
            ])
        #expect(
            found.diagnostics.prefix(1).map(\.description) == [
                "/etc/martlet/b.conf:1: /etc/martlet/a.conf would include itself; remove the line"
            ])
    }

    /// Found by fuzzing: files that are included twice by files that are included twice.
    @Test func linesAreBoundedOverAllFiles() {
        var files: [String: String] = [:]
        for number in 0..<15 {
            files["/etc/martlet/\(number)"] = String(repeating: "!include \(number + 1)\n", count: 4)
        }
        let found = load("!include 0\n", files: files)
        #expect(found.diagnostics.count { $0.message.hasPrefix("too many lines") } == 1)
    }

    @Test func depthIsBounded() {
        let found = load(String(repeating: "service imap {\n", count: 100_000))
        #expect(found.configuration == nil)
    }

    /// Cut anywhere, a configuration is read or refused, and never more.
    @Test func everyPrefixIsReadOrRefused() {
        let text = """
            service "imap" { inet_listener imaps { port = 0 } }
            hostname = "a \\" b" # c
            mail_path = $SET:base_dir/%{user | lower}\\
              x
            namespace inbox {
              mailbox "Sent Messages" {
                special_use = \\Sent
              }
            }
            !include_try x
            """
        for length in 0...text.count { _ = load(String(text.prefix(length))) }
    }
}

extension Settings {
    func port(of name: String) -> Int? {
        for listener in self.listeners where listener.name == name {
            if case .inet(let place) = listener.place { return place.port }
        }
        return nil
    }

    func unix(_ path: String) -> UnixPlace? {
        for listener in self.listeners {
            if case .unix(let place) = listener.place, place.path == path { return place }
        }
        return nil
    }
}
