import Glibc
import ServerConfig
import TemporaryFiles
import Testing
import Wiring

/// What `config check` says beyond the files of the configuration.
@Suite struct SiteCheckTests {
    private func write(_ text: String, to path: String) {
        guard let file = fopen(path, "w") else { return }
        fputs(text, file)
        fclose(file)
    }

    // MARK: Certificates

    private func settings(_ certificate: String, _ key: String) -> TLSSettings {
        var tls = TLSSettings()
        tls.certificate = FileSetting(path: "/cert", contents: Array(certificate.utf8))
        tls.privateKey = FileSetting(path: "/key", contents: Array(key.utf8))
        return tls
    }

    @Test func certificatesAndKeys() {
        #expect(self.settings(Self.certificate, Self.key).mistakes == [])
        let foreign = self.settings(Self.certificate, Self.foreignKey).mistakes
        #expect(foreign.count == 1 && foreign.first?.hasPrefix("/key: Key does not belong to /cert: ") == true)
        #expect(
            self.settings(Self.certificate, Self.encryptedKey).mistakes == [
                "/key: The private key has a password; store it without one, readable by root alone"
            ])
        let swapped = self.settings(Self.key, Self.certificate).mistakes
        #expect(swapped.count == 1 && swapped.first?.hasPrefix("/cert: No PEM certificate in it: ") == true)
        var off = self.settings(Self.key, Self.certificate)
        off.mode = .no
        #expect(off.mistakes == [])
    }

    @Test func certificatesOfOtherNames() {
        var tls = self.settings(Self.certificate, Self.key)
        var name = LocalNameSettings(names: ["b.example"])
        name.privateKey = FileSetting(path: "/other", contents: Array(Self.foreignKey.utf8))
        tls.localNames = [name, name]
        #expect(tls.mistakes.count == 1)
        #expect(tls.mistakes.first?.hasPrefix("/other: Key does not belong to /cert") == true)
        tls.localNames = []
        tls.cipherList = "NOSUCHCIPHER"
        #expect(tls.mistakes.first?.hasPrefix("ssl_cipher_list: ") == true)
    }

    // MARK: Owners, sockets, directories

    @Test(
        arguments: [
            ("0", 0, "mail is never handled as root"), ("root", 1000, "mail is never handled as root"),
            ("no-such-user", 1000, "mail_uid: there is no system user no-such-user"), ("4711", 0, ""),
        ] as [(String, UInt32, String)])
    func owners(_ name: String, _ starter: UInt32, _ error: String) {
        var settings = Settings()
        settings.general.internalUser = "0"
        settings.mail.uid = name
        var site = SiteCheck()
        site.checkOwners(settings, startedBy: starter)
        #expect(site.warnings == [])
        #expect(site.errors.count == (error.isEmpty ? 0 : 1))
        #expect(error.isEmpty || site.errors.first?.contains(error) == true)
        settings.mail.gid = "no-such-group"
        site.checkOwners(settings, startedBy: starter)
        #expect(site.errors.contains("mail_gid: there is no group no-such-group"))
    }

    @Test func sockets() throws {
        try TemporaryDirectory.with { directory in
            var settings = Settings()
            settings.general.baseDirectory = directory + "/run"
            func listener(_ path: String, user: String = "", group: String = "") -> ListenerSettings {
                var place = UnixPlace()
                place.path = path
                place.user = user
                place.group = group
                return ListenerSettings(service: .auth, name: path, place: .unix(place))
            }
            settings.listeners = [
                listener("\(directory)/run/lmtp"), listener("\(directory)/ok", user: "0", group: "0"),
                listener("\(directory)/none/auth"), listener("\(directory)/a", user: "no-such-user"),
                listener("\(directory)/b", group: "no-such-group"),
            ]
            var site = SiteCheck()
            site.checkSockets(settings)
            #expect(
                site.errors == [
                    "unix_listener \(directory)/none/auth: there is no directory \(directory)/none, and nobody makes it",
                    "unix_listener \(directory)/a: there is no system user no-such-user",
                    "unix_listener \(directory)/b: there is no group no-such-group",
                ])
        }
    }

    @Test func directories() throws {
        try TemporaryDirectory.with { directory in
            self.write("x", to: directory + "/file")
            symlink("/nonexistent/martlet", directory + "/link")
            var settings = Settings()
            settings.general.baseDirectory = directory + "/run/martlet"
            settings.general.stateDirectory = directory + "/file/state"
            var other = VolumeSettings(name: "other")
            other.path = directory + "/link"
            settings.mail.volumes = [other]
            var site = SiteCheck()
            site.checkDirectories(settings)
            #expect(
                site.errors == [
                    "state_dir: cannot make \(directory)/file/state: \(directory)/file is not a directory",
                    "volume other: cannot make \(directory)/link: \(directory)/link is a link that leads nowhere",
                ])
            #expect(TemporaryDirectory.names(directory) == ["file", "link"])
        }
    }

    // MARK: Files and scripts

    @Test func files() throws {
        try TemporaryDirectory.with { directory in
            var settings = Settings()
            settings.sieve.language.pipe.binDirectory = directory
            settings.sieve.language.filter.binDirectory = directory + "/none"
            settings.access.globalPath = directory + "/lists"
            var site = SiteCheck()
            site.checkFiles(settings)
            #expect(site.errors == [])
            #expect(site.warnings.count == 1)
            #expect(site.warnings.first?.hasPrefix("sieve_filter_bin_dir: there is no") == true)
            settings.access.driver = .vfile
            site.checkFiles(settings)
            #expect(site.warnings.last?.hasPrefix("acl_global_path: there is no \(directory)/lists") == true)
        }
    }

    @Test func scripts() throws {
        try TemporaryDirectory.with { directory in
            mkdir(directory + "/before", 0o700)
            mkdir(directory + "/global", 0o700)
            let include = "require [\"include\"]; include :global \"part\"; include :personal \"mine\";"
            self.write(include, to: directory + "/before/good.sieve")
            self.write("keep;\nkeeep;\n", to: directory + "/before/bad.sieve")
            self.write("nonsense", to: directory + "/before/other.txt")
            self.write("keep;", to: directory + "/global/part.sieve")
            func script(_ type: SieveScriptType, _ path: String) -> SieveScriptSettings {
                var script = SieveScriptSettings(name: type.rawValue)
                script.type = type
                script.path = path
                return script
            }
            var settings = Settings()
            settings.sieve.scripts = [
                script(.personal, "~/sieve"), script(.before, directory + "/before"),
                script(.global, directory + "/global"), script(.default, directory + "/none.sieve"),
                script(.after, "/etc/%{user}.sieve"),
            ]
            var site = SiteCheck()
            site.checkScripts(settings)
            #expect(site.errors.count == 1)
            #expect(site.errors.first?.hasPrefix("\(directory)/before/bad.sieve:2:1: ") == true)
            #expect(site.warnings == ["sieve_script default: there is no \(directory)/none.sieve"])
        }
    }

    // MARK: Made for these tests, and of use nowhere else

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASWgAwIBAgIUfZWt/i8sCWcrFw0EpilGlu0pj2YwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJYS5leGFtcGxlMCAXDTI2MTEyMzAzMDAwOVoYDzIxMjYxMDMw
        MDMwMDA5WjAUMRIwEAYDVQQDDAlhLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAQBhLCtQCa6PaFzGaF+twNZqd2GfsFeg+MWMzeLXOrt3lwFkNlM7lYE
        zjeOSiZGhX423H2ZLTNYJ89Rr/trRliBo1MwUTAdBgNVHQ4EFgQUf1c/JxsXjHkD
        Dm+5+slqlcd+O/wwHwYDVR0jBBgwFoAUf1c/JxsXjHkDDm+5+slqlcd+O/wwDwYD
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBJ/iTncbsH3FQZUqP7qKy8
        ryCzMkxlJHgC/7967vHbzwIgE1/juwzBniaXVgKBldf2iqpIdhbzNBKMN5hxWw2Y
        jTY=
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxlMJjlP1+EWiZh1J
        WNNl4HP8DgNoV8tx+wTzYXv/jumhRANCAAQBhLCtQCa6PaFzGaF+twNZqd2GfsFe
        g+MWMzeLXOrt3lwFkNlM7lYEzjeOSiZGhX423H2ZLTNYJ89Rr/trRliB
        -----END PRIVATE KEY-----
        """

    private static let foreignKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkV9IorEwMwsNvAVX
        m2Zs0QNO1OusB15gt1d+fK2VqBWhRANCAATWJ3s4TtEKIUk0e9WBGDS3xplhLrL0
        kPJb9bBl4j1OUnigSHOybgRNA+2ps90nCeiksDoSrTg8GkwkZaM9q4//
        -----END PRIVATE KEY-----
        """

    /// The same key as `key`, with a password.
    private static let encryptedKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhsIfiO/sZfzwICA+gw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFIxo9+wmU9c2HEuVG90nSIEgZDA
        +Pe8mOmNslu28YDt+81raFzSnrpHRZCxO0uZxWEGmG39UdXc6+ze0HkvjJMMFkPo
        Illpfez4NLfWSlHd91cG8dJMrzm81LfTtKHUAsi7Zj24VXdwKUfkrfRGdUBS/H2+
        R1kSPck7D3+LssRHEv+aYsME0sulE/Hhf5pcOQB0Kn6uR6t/gBYUVsg0Xxm6t74=
        -----END ENCRYPTED PRIVATE KEY-----
        """
}
