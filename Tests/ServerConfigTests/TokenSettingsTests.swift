import Testing

@testable import ServerConfig

@Suite struct TokenSettingsTests {
    @Test(arguments: [
        """
        auth_mechanisms = plain OAUTHBEARER xoauth2
        oauth2_key_file = /etc/martlet/keys.json
        oauth2_issuers = https://a.example/r#1 https://b.example
        oauth2_audience = mail
        oauth2_scope = imap
        oauth2_username_attribute = preferred_username
        oauth2_openid_configuration_url = https://a.example/.well-known/openid-configuration
        oauth2_token_expire_grace = 5 s
        """,
        """
        auth_mechanisms = plain OAUTHBEARER xoauth2
        oauth2 {
          key_file = /etc/martlet/keys.json
          oauth2_issuers {
            https://a.example/r#1 = yes
            https://b.example = yes
          }
          oauth2_audience = mail
          scope = imap
          username_attribute = preferred_username
          openid_configuration_url = https://a.example/.well-known/openid-configuration
          token_expire_grace = 5 s
        }
        """,
    ])
    func asDovecotWritesThem(_ text: String) throws {
        let settings = try settings(text)
        var expected = TokenSettings()
        expected.keyFile = "/etc/martlet/keys.json"
        expected.issuers = ["https://a.example/r#1", "https://b.example"]
        expected.audiences = ["mail"]
        expected.scopes = ["imap"]
        expected.usernameAttribute = "preferred_username"
        expected.configurationURL = "https://a.example/.well-known/openid-configuration"
        expected.grace = .seconds(5)
        #expect(settings.tokens == expected)
        #expect(settings.auth.mechanisms == [.plain, .oauthBearer, .xoauth2])
    }

    @Test(arguments: [
        (
            "auth_mechanisms = plain oauthbearer xoauth2",
            [
                "-: auth_mechanisms has oauthbearer and xoauth2, but oauth2_key_file is empty: write oauth2_key_file = /path of the issuer's key set",
                "-: auth_mechanisms has oauthbearer and xoauth2, but oauth2_issuers is empty: write oauth2_issuers = https://issuer as its tokens say it",
                "-: auth_mechanisms has oauthbearer and xoauth2, but oauth2_audience is empty: tokens for any other service of the issuer would open mailboxes; write oauth2_audience = NAME or oauth2_scope = NAME",
            ]
        ),
        (
            "auth_mechanisms = xoauth2\noauth2_key_file = keys\noauth2_issuers = a\noauth2_scope = b",
            ["2: oauth2_key_file: \"keys\" is not an absolute path; begin it with /"]
        ),
        (
            "oauth2_key_file = /keys",
            [
                "-: warning: oauth2_key_file is of no use: no mechanism takes tokens; add oauthbearer and xoauth2 to auth_mechanisms"
            ]
        ),
        (
            "oauth2 {\n introspection_mode = local\n local_validation {\n }\n}",
            [
                "2: oauth2_introspection_mode is not a Martlet setting; tokens are verified with the keys in oauth2_key_file and nobody is asked; remove it",
                "3: the block oauth2_local_validation { } is not a Martlet setting in oauth2; tokens are verified with the keys in oauth2_key_file and nobody is asked; remove it",
            ]
        ),
        (
            "passdb {\n driver = oauth2\n mechanisms = xoauth2 oauthbearer\n args = /etc/dovecot/dovecot-oauth2.conf.ext\n}",
            [
                "1: passdb: tokens need no passdb; remove all of it, and write auth_mechanisms = plain login oauthbearer xoauth2 and oauth2_key_file = /path of the issuer's key set (JSON)"
            ]
        ),
        (
            "auth_mechanisms = xoauth2\noauth2_key_file = /k\noauth2_issuers = a\noauth2_audience = * b\noauth2_openid_configuration_url = http://a\noauth2_token_expire_grace = 1 day",
            [
                "-: oauth2_audience: * stands for any service; write it alone, or leave it out",
                "-: oauth2_openid_configuration_url: \"http://a\" does not begin with https://",
                "-: oauth2_token_expire_grace: more than an hour lets stale tokens in; set the clock instead",
            ]
        ),
    ])
    func messages(_ text: String, _ expected: [String]) {
        #expect(diagnostics(text) == expected)
    }
}
