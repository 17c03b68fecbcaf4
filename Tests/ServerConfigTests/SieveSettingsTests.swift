import SieveCore
import Testing

@testable import ServerConfig

@Suite struct SieveSettingsTests {
    @Test func defaults() throws {
        let language = try settings("").sieve.language
        #expect(language == SieveLanguageSettings())
        #expect(language.maximumCPUTime == .seconds(30))
        #expect(language.pipe.timeout == .seconds(10))
    }

    @Test func allExtensionsAreKnown() {
        #expect(SieveLanguageSettings.knownExtensions == SieveRegistry.everyCapability)
    }

    @Test func newerSpelling() throws {
        let settings = try settings(
            """
            sieve_extensions {
              spamtest = yes
              regex = no
            }
            sieve_extensions {
              vacation-seconds = yes
            }
            sieve_global_extensions {
              vnd.dovecot.pipe = yes
            }
            sieve_script last {
              type = before
              path = /etc/sieve/last
            }
            sieve_script second {
              type = before
              path = /etc/sieve/second
              precedence = 2
            }
            sieve_script first {
              sieve_script_type = before
              sieve_script_path = /etc/sieve/first
              sieve_script_precedence = 1
            }
            sieve_script lists {
              type = global
              path = /etc/sieve/global
            }
            sieve_script last-word {
              type = discard
              path = /etc/sieve/discard.sieve
            }
            sieve_script standard {
              type = default
              name = Site filter
              path = /etc/sieve/default.sieve
            }
            sieve_editheader_header Subject {
              forbid_delete = yes
            }
            sieve_editheader_header X {
              name = X-Spam
              forbid_add = yes
              forbid_delete = yes
            }
            sieve_extlists_list friends {
              path = ~/friends
            }
            sieve_extlists_list b {
              name = tag:example.org,2026:list
              dict file {
                path = /etc/list
              }
            }
            sieve_spamtest_status_type = text
            sieve_spamtest_status_header = X-Spam: (.*)
            sieve_spamtest_text_value {
              1 = Clean
              10 = Very bad
            }
            sieve_env_team = blue green
            sieve_filter_bin_dir = /usr/lib/martlet/filter
            sieve_filter_input_eol = lf
            sieve_filter_exec_timeout = 3s
            """)
        let sieve = settings.sieve
        #expect(sieve.language.extensions == ["+spamtest", "-regex", "+vacation-seconds"])
        #expect(sieve.language.globalExtensions == ["+vnd.dovecot.pipe"])
        #expect(sieve.scripts(of: .before).map(\.name) == ["first", "second", "last"])
        #expect(sieve.scripts(of: .global).map(\.path) == ["/etc/sieve/global"])
        #expect(sieve.scripts(of: .discard).map(\.path) == ["/etc/sieve/discard.sieve"])
        #expect(sieve.scripts(of: .default).first?.scriptName == "Site filter")
        #expect(sieve.language.headersNotDeleted == ["Subject", "X-Spam"])
        #expect(sieve.language.headersNotAdded == ["X-Spam"])
        #expect(sieve.language.lists.map(\.name) == ["friends", "tag:example.org,2026:list"])
        #expect(sieve.language.lists.map(\.form) == [.lines, .pairs])
        #expect(sieve.language.spamTest.texts == ["1=Clean", "10=Very bad"])
        #expect(sieve.language.items == [FieldSetting(name: "team", value: "blue green")])
        #expect(sieve.language.filter.inputLineEnd == .lf)
        #expect(sieve.language.filter.timeout == .seconds(3))
    }

    @Test func olderSpelling() throws {
        let sieve = try settings(
            """
            plugin {
              sieve_extensions = +editheader -vacation
              sieve_default_name = common
              sieve_default = /etc/default.sieve
              sieve_global = /etc/global
              sieve_discard = /etc/discard.sieve
              sieve_after2 = /etc/after.sieve
              sieve_spamtest_max_value = 10
              sieve_virustest_text_value5 = Infected
              sieve_editheader_protected = Subject
            }
            """
        ).sieve
        #expect(sieve.language.extensions == ["+editheader", "-vacation"])
        #expect(sieve.scripts(of: .default).first?.scriptName == "common")
        #expect(sieve.scripts(of: .global).map(\.path) == ["/etc/global"])
        #expect(sieve.scripts(of: .discard).map(\.path) == ["/etc/discard.sieve"])
        #expect(sieve.scripts(of: .after).map(\.path) == ["/etc/after.sieve"])
        #expect(sieve.language.spamTest.maximumValue == "10")
        #expect(sieve.language.virusTest.texts == ["5=Infected"])
        #expect(sieve.language.headersNotAdded == ["Subject"])
    }

    @Test(
        arguments: [
            ([], ["a", "b"]), (["c"], ["c"]), (["+c"], ["a", "b", "c"]), (["-a", "+c"], ["b", "c"]),
            (["-a", "-b"], []),
        ] as [([String], Set<String>)])
    func appliedWords(_ words: [String], _ expected: Set<String>) {
        #expect(SieveLanguageSettings.applied(words, to: ["a", "b"]) == expected)
    }

    @Test(arguments: [
        ("sieve_extensions = +fileinot", "did you mean fileinto?"),
        ("sieve_extensions {\n vacatoin = yes\n}", "did you mean vacation?"),
        ("sieve_spamtest_text_value12 = x", "N from 0 to 10"),
        ("sieve_pipe_bin_dir = bin", "not an absolute path"),
        ("sieve_pipe_input_eol = cr", "crlf"),
        ("sieve_extlists_list {\n path = /x\n}", "without a name"),
        ("sieve_extlists_list a {\n dict ldap {\n }\n}", "only dict file"),
        ("sieve_editheader_header A {\n forbid = yes\n}", "unknown in sieve_editheader_header"),
        ("sieve_plugins = sieve_extprograms", "switch those you want on in sieve_extensions"),
    ])
    func mistakes(_ text: String, _ expected: String) {
        let messages = load(basics + text).diagnostics.map(\.message)
        #expect(messages.contains { $0.contains(expected) }, "\(messages)")
    }

    @Test func shownTextReadsTheSame() throws {
        let text = """
            sieve_extensions = +spamtest -regex
            sieve_env_team = blue
            sieve_spamtest_text_value1 = Not Spam
            sieve_extlists_list x {
              path = ~/x
              form = pairs
            }
            """
        let once = try settings(text)
        let loaded = try #require(load(basics + text).configuration)
        let again = try #require(load(loaded.rendered(nonDefaultsOnly: true)).configuration)
        #expect(again.settings.sieve == once.sieve)
    }
}
