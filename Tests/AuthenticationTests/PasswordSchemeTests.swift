import Authentication
import Testing

struct PasswordSchemeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var stored: String
        var password: String
        var testDescription: String { self.stored }
        init(_ stored: String, _ password: String = "secret") {
            self.stored = stored
            self.password = password
        }
    }

    static let cases = [
        Case("{PLAIN}secret"), Case("{plain}secret"), Case("{CLEAR}secret"), Case("{CLEARTEXT}secret"),
        Case("{PLAIN}{PLAIN}", "{PLAIN}"), Case("{PLAIN.b64}c2VjcmV0"), Case("{PLAIN.BASE64}c2VjcmV0"),
        Case("{PLAIN.hex}736563726574"), Case("{PLAIN}pässwörd", "pässwörd"),
        Case("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="), Case("{SHA1}5en6G6MezRroT3XKqkdPOmY/BfQ="),
        Case("{SHA1}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"),
        Case("{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols="),
        Case("{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols"),
        Case("{SHA256}2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"),
        Case("{SHA256.hex}2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B"),
        Case("{SHA256.b64}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols="),
        Case(
            "{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/isg=="
        ),
        Case("{SSHA}1G904nLkTkGWjKNnQuB/hpWXC/hzYWx0c2FsdA=="),
        Case("{SSHA256}oBmrdHcA6OZEkkCLeXh71YAerbvhXz1qqwjrPsXmEtNzYWx0c2FsdA=="),
        Case(
            "{SSHA512}aCu7JRc+kLsuEmFs1zTY+AiP7DSGnjjG+dH28Dp+E5usqoAixeTPihKqZmkWal4mUfp63tqvCAkFV1LKTDFH6XNhbHRzYWx0"
        ),
        Case("{PBKDF2}$1$saltsalt$1000$8b09c61e3ddee1285f60003548fcfb0963b1e8e2"),
        Case("{MD5-CRYPT}$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1", "Hello world!"),
        Case("{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
        Case(
            "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            "Hello world!"),
        Case("{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        Case("{CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        Case("{CRYPT}$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe."),
        Case("{YESCRYPT}$y$j9T$abcdefghijklmnop$3dL1LkYnZM.OVXuVdnnaKVDlLYT92dRwOzDZ5XiVCe."),
        Case(
            "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=", "pencil"),
        Case(
            "{scram-sha-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
            "pencil"),
        // Without a scheme: the default, CRYPT.
        Case("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"),
    ]

    @Test(arguments: cases)
    func verifies(_ test: Case) throws {
        let stored = try StoredPassword(test.stored)
        #expect(stored.verify(Array(test.password.utf8)) == .match)
        for wrong in [test.password + "x", String(test.password.dropLast()), "", "\0"] {
            #expect(stored.verify(Array(wrong.utf8)) != .match)
        }
    }

    @Test func defaultSchemeCounts() throws {
        let stored = try StoredPassword("secret", defaultScheme: .plain)
        #expect(stored.verify(Array("secret".utf8)) == .match)
        #expect(try StoredPassword("secret").verify(Array("secret".utf8)) != .match)
    }

    @Test(arguments: ["{NONE}x", "{}x", "{PLAIN.rot13}x", "{PLAIN.hex}5", "{PLAIN.b64}*"])
    func refusesWhatItDoesNotKnow(_ text: String) {
        #expect(throws: StoredPassword.ParseError.self) { try StoredPassword(text) }
    }

    @Test(arguments: [
        "{SHA256}short", "{SSHA256}c2hvcnQ=", "{SSHA}", "{SHA1}***", "{PBKDF2}$1$s$0$00", "{PBKDF2}",
        "{PBKDF2}$1$s$99999999999999999999$8b09c61e3ddee1285f60003548fcfb0963b1e8e2",
        "{PBKDF2}$2$saltsalt$1000$8b09c61e3ddee1285f60003548fcfb0963b1e8e2",
        "{SCRAM-SHA-1}", "{SCRAM-SHA-1}4096,QQ==,QQ==,QQ==", "{SCRAM-SHA-256}0,,,", "{CRYPT}*0", "{CRYPT}!",
        "{SHA512-CRYPT}$9$x$y", "{CRYPT}\0",
    ])
    func damagedNeverMatches(_ text: String) throws {
        let stored = try StoredPassword(text)
        for password in ["", "x", "*0", "!"] { #expect(stored.verify(Array(password.utf8)) != .match) }
    }

    @Test(arguments: PasswordScheme.allCases)
    func generatesWhatItVerifies(_ scheme: PasswordScheme) throws {
        let rounds: UInt? =
            switch scheme {
            case .crypt, .blowfishCrypt: 4
            case .yescrypt: 1
            case .pbkdf2, .sha256Crypt, .sha512Crypt: 1000
            case .scramSHA1, .scramSHA256: 4096
            case .plain, .md5Crypt, .sha1, .sha256, .sha512, .saltedSHA1, .saltedSHA256, .saltedSHA512: nil
            }
        let password = Array("pässword".utf8)
        let first = try PasswordScheme.generate(scheme, password: password, rounds: rounds)
        #expect(first.hasPrefix("{"))
        #expect(try StoredPassword(first).verify(password) == .match)
        #expect(try StoredPassword(first).verify(Array("password".utf8)) == .mismatch)
        switch scheme {
        case .plain, .sha1, .sha256, .sha512: break
        default:
            let second = try PasswordScheme.generate(scheme, password: password, rounds: rounds)
            #expect(first != second)
        }
        #expect(throws: PasswordScheme.GenerateError.password) {
            try PasswordScheme.generate(scheme, password: [])
        }
        #expect(throws: PasswordScheme.GenerateError.password) {
            try PasswordScheme.generate(scheme, password: [0x61, 0])
        }
    }

    @Test func boundsRounds() {
        for (scheme, rounds) in [
            (.blowfishCrypt, 3), (.blowfishCrypt, 32), (.sha512Crypt, 1), (.yescrypt, 12), (.pbkdf2, 1),
            (.scramSHA256, 4095), (.scramSHA1, 10_000_001),
        ] as [(PasswordScheme, UInt)] {
            #expect(throws: PasswordScheme.GenerateError.rounds) {
                try PasswordScheme.generate(scheme, password: [0x61], rounds: rounds)
            }
        }
    }
}
