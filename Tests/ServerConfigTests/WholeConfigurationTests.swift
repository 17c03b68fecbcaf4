import TemporaryFiles
import Testing

@testable import ServerConfig

#if canImport(Glibc)
    import Glibc
#endif

/// The repository, found from this file's place in it.
let repository: String = {
    var path = #filePath
    for _ in 0..<3 { path = ConfigurationFiles.directory(of: path) }
    return path
}()

/// The files of the tree, with certificates that are not there.
func shipped() -> ConfigurationFiles {
    let disk = ConfigurationFiles.disk
    return ConfigurationFiles(read: { path in
        path.hasPrefix("/etc/martlet/private/") ? .success(Array("PEM".utf8)) : disk.source(path)
    })
}

@Suite struct WholeConfigurationTests {
    static let rich = """
        hostname = "x # y"
        login_greeting = 'it costs $5'
        mail_path = /v/%Ld/%n
        ssl_server_cert_file = /c
        ssl_server_key_file = /k
        passdb users {
          driver = passwd-file
          passwd_file_path = /u
          fields {
            nodelay:default = yes
          }
        }
        userdb static {
          fields {
            home = /v/%d/%n
          }
        }
        namespace inbox {
          inbox = yes
          prefix = INBOX/
          separator = /
          mailbox "Sent Messages" {
            special_use = \\Sent
          }
        }
        local_name a.example b.example {
          ssl_server_cert_file = /c
          ssl_server_key_file = /k
        }
        service imap {
          client_limit = 9
          inet_listener imap {
            port = 0
          }
          inet_listener extra {
            port = 1993
            ssl = yes
            address = 127.0.0.1, ::1
          }
        }
        service lmtp {
          unix_listener lmtp {
            mode = 0660
            group = postfix
          }
        }
        service auth {
          unix_listener /a/b {
            mode = 0666
          }
        }
        sieve_script before {
          type = before
          path = /b.sieve
        }
        imapsieve_from Junk {
          sieve_script ham {
            type = after
            cause = copy
            path = /ham.sieve
          }
        }
        protocol lmtp {
          client_output_buffer_size = 3k
          recipient_delimiter = -
        }
        remote 10.0.0.0/8 {
          protocol imap {
            auth_allow_cleartext = yes
          }
        }
        """
    static let files = ["/c": "CERT", "/k": "KEY"]

    @Test(arguments: [true, false])
    func whatIsShownReadsBackTheSame(_ nonDefaultsOnly: Bool) throws {
        let first = try #require(load(Self.rich, files: Self.files).configuration)
        let text = first.rendered(nonDefaultsOnly: nonDefaultsOnly)
        let again = load(text, files: Self.files)
        #expect(again.diagnostics == [])
        let second = try #require(again.configuration)
        #expect(Self.normalized(second.settings) == Self.normalized(first.settings))
        #expect(second.rendered(nonDefaultsOnly: nonDefaultsOnly) == text)
        #expect(second.settings(for: .lmtp).delivery.recipientDelimiter == "-")
        #expect(second.settings(for: .imap, remoteAddress: "10.1.1.1").auth.allowsCleartext)
        #expect(!second.settings(for: .pop3, remoteAddress: "10.1.1.1").auth.allowsCleartext)
    }

    /// Sockets that are shown go by their whole path.
    private static func normalized(_ settings: Settings) -> Settings {
        var settings = settings
        for index in settings.listeners.indices {
            if case .unix(let place) = settings.listeners[index].place {
                settings.listeners[index].name = place.path
            }
        }
        return settings
    }

    @Test func onlyWhatDiffersIsShown() throws {
        let configuration = try #require(load(basics + "hostname = h\n").configuration)
        let text = configuration.rendered(nonDefaultsOnly: true)
        #expect(
            text.hasPrefix(
                "hostname = h\nssl = no\nnamespace inbox {\n  inbox = yes\n}\npassdb pam {\n  driver = pam\n}\n"
            ))
        #expect(!text.contains("mail_path"))
        #expect(configuration.rendered(nonDefaultsOnly: false).contains("\nmail_path = ~/Maildir\n"))
    }

    @Test func secretsAreNotShown() throws {
        let configuration = try #require(
            load(basics + "passdb static {\n password = hush\n}\n").configuration)
        #expect(!configuration.rendered(nonDefaultsOnly: false).contains("hush"))
    }

    @Test func handedOnItIsTheSame() throws {
        let first = try #require(load(Self.rich, files: Self.files).configuration)
        let bytes = first.serialize()
        let second = try #require(Configuration(serialized: bytes))
        #expect(second.settings == first.settings)
        #expect(second.settings.tls.privateKey?.contents == Array("KEY".utf8))
        #expect(second.settings(for: .lmtp) == first.settings(for: .lmtp))
        #expect(second.path == first.path)
        #expect(second.serialize() == bytes)
    }

    @Test func damagedBytesAreRefused() throws {
        let bytes = try #require(load(Self.rich, files: Self.files).configuration).serialize()
        for length in 0..<bytes.count { #expect(Configuration(serialized: Array(bytes[..<length])) == nil) }
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[index] ^= 0xFF
            _ = Configuration(serialized: damaged)
        }
    }

    @Test func shippedFilesAreInOrder() throws {
        let loaded = Configuration.load(path: repository + "/conf.d/martlet.conf", files: shipped())
        #expect(loaded.diagnostics == [])
        let settings = try #require(loaded.configuration).settings
        #expect(settings.listeners.map(\.name) == ["imap", "imaps", "pop3", "pop3s", "lmtp", "sieve"])
        #expect(settings.namespaces[0].mailboxes.count == 5)
        #expect(settings.passdbs.map(\.driver) == [.pam])
        #expect(settings.sieve.scripts.count == 1)
    }

    /// As installed: `martlet.conf` above `conf.d`.
    @Test func installedFilesAreInOrder() throws {
        try TemporaryDirectory.with { directory in
            mkdir(directory + "/conf.d", 0o700)
            for path in ConfigurationFiles.matches(repository + "/conf.d/*.conf") {
                let name = path.dropFirst(repository.utf8.count + 8)
                symlink(path, name == "martlet.conf" ? "\(directory)/\(name)" : "\(directory)/conf.d/\(name)")
            }
            let loaded = Configuration.load(path: directory + "/martlet.conf", files: shipped())
            #expect(loaded.diagnostics == [])
            #expect(loaded.configuration?.settings.namespaces[0].mailboxes.count == 5)
        }
    }

    @Test func demonstrationIsInOrder() throws {
        var text = String(
            decoding: try ConfigurationFiles.disk.source(repository + "/conf.d/demo/martlet.conf").get(),
            as: UTF8.self)
        text = text.replacing("@RUN@", with: "/r")
        for (index, name) in ["UID", "GID", "IMAP", "IMAPS", "POP3", "POP3S", "LMTP", "SIEVE"].enumerated() {
            text = text.replacing("@\(name)@", with: String(10_000 + index))
        }
        #expect(load(text, files: ["/r/cert.pem": "PEM", "/r/key.pem": "PEM"]).diagnostics == [])
    }

    @Test func commentedExamplesAreRightToo() throws {
        var text = basics + "namespace inbox {\n  inbox = yes\n}\n"
        for path in ConfigurationFiles.matches(repository + "/conf.d/[0-9]*.conf") {
            for line in String(decoding: try ConfigurationFiles.disk.source(path).get(), as: UTF8.self).split(
                separator: "\n")
            {
                let bare = line.drop { $0 == " " }
                // One blank after the sign makes it prose; none, or an indent, an example.
                let isProse = bare.hasPrefix("# ") && !bare.hasPrefix("#  ")
                let isExample = bare.hasPrefix("#") && !isProse && bare.count > 1
                if path.contains("20-lmtp") || path.contains("10-ssl") { continue }
                if isExample { text += bare.dropFirst() + "\n" }
            }
        }
        let loaded = load(text)
        #expect(loaded.diagnostics == [])
        #expect(loaded.configuration?.settings.passdbs.count == 2)
    }

    @Test func schemaIsSound() {
        let names = Schema.all.flatMap { [$0.name] + $0.aliases.map(\.name) }
        #expect(Set(names).count == names.count)
        for row in Schema.all {
            var settings = Settings()
            var files = ConfigurationFiles(kept: [:])
            #expect(row.assign(&settings, SettingValue(row.text(settings)), &files) == nil)
            #expect(settings == Settings(), "the default of \(row.name) does not read back")
            #expect(DovecotSettings.exactHint(for: row.name) == nil)
        }
    }
}
