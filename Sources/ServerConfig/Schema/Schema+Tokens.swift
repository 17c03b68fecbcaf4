/// The settings of bearer tokens.
extension Schema {
    static let tokens: [Setting<Settings>] = [
        .optionalPath(
            "oauth2_key_file", \.tokens.keyFile,
            "The issuer's public keys, the file that it publishes as `jwks_uri` (RFC 7517). Read again when it changes; readable for `default_internal_user`."
        ),
        .list("oauth2_issuers", \.tokens.issuers, "Whose tokens count (`iss`), each as its tokens spell it. All share the file of keys: each could speak for the others."),
        .list(
            "oauth2_audience", \.tokens.audiences,
            "For one of these a token has to be (`aud`). `*` alone: those for other services open mailboxes, too."),
        .list(
            "oauth2_scope", \.tokens.scopes,
            "Scopes that a token has to have, all of them. Clients without a token are told the first."),
        .text(
            "oauth2_username_attribute", \.tokens.usernameAttribute,
            "The claim of a token that is the user's name, before `auth_username_format`. An `email` whose `email_verified` is not true does not count."
        ),
        .text(
            "oauth2_openid_configuration_url", \.tokens.configurationURL,
            "What clients without a token are told: the URL of the issuer's `.well-known/openid-configuration`."),
        .time(
            "oauth2_token_expire_grace", \.tokens.grace,
            "By how much the issuer's clock and this machine's may differ; at most an hour."),
    ]
}
