/// Bearer tokens.
extension Resolver {
    private static let prefix = "oauth2_"

    /// `oauth2 { issuers = ... }`, where names may lack the prefix.
    mutating func tokens(_ inner: [Statement], at place: SourcePlace) {
        for statement in inner {
            let name = statement.name.hasPrefix(Self.prefix) ? statement.name : Self.prefix + statement.name
            switch statement.content {
            case .assignment(let value):
                self.out.assign(name, value, at: statement.place, to: &self.settings, rows: Schema.all)
            case .block(_, let inner):
                if let (row, _) = Assigner.find(name, in: Schema.all), row.isList {
                    self.out.assignList(row, inner, at: statement.place, to: &self.settings)
                } else {
                    self.out.unknown(
                        name, at: statement.place, among: Schema.tokens.map(\.name), block: "oauth2", isBlock: .block)
                }
            }
        }
    }

    /// What mechanisms with tokens need.
    mutating func finishTokens(at place: SourcePlace) {
        let tokens = self.settings.tokens
        let names = self.settings.auth.mechanisms.filter(\.takesTokens).map(\.rawValue).joined(separator: " and ")
        guard !names.isEmpty else {
            if !tokens.keyFile.isEmpty {
                self.out.warn(
                    place,
                    "oauth2_key_file is of no use: no mechanism takes tokens; add oauthbearer and xoauth2 to auth_mechanisms")
            }
            return
        }
        let wanted: [(name: String, isMissing: Bool, help: String)] = [
            ("oauth2_key_file", tokens.keyFile.isEmpty, "write oauth2_key_file = /path of the issuer's key set"),
            ("oauth2_issuers", tokens.issuers.isEmpty, "write oauth2_issuers = https://issuer as its tokens say it"),
            (
                "oauth2_audience", tokens.audiences.isEmpty && tokens.scopes.isEmpty,
                "tokens for any other service of the issuer would open mailboxes; write oauth2_audience = NAME or oauth2_scope = NAME"
            ),
            (
                "oauth2_username_attribute", tokens.usernameAttribute.isEmpty,
                "write oauth2_username_attribute = CLAIM, such as email"
            ),
        ]
        if tokens.audiences.count > 1, tokens.audiences.contains("*") {
            self.out.error(place, "oauth2_audience: * stands for any service; write it alone, or leave it out")
        }
        if !tokens.configurationURL.isEmpty, !tokens.configurationURL.hasPrefix("https://") {
            self.out.error(
                place, "oauth2_openid_configuration_url: \"\(tokens.configurationURL)\" does not begin with https://")
        }
        if tokens.grace > .seconds(3600) {
            self.out.error(
                place, "oauth2_token_expire_grace: more than an hour lets stale tokens in; set the clock instead")
        }
        for setting in wanted where setting.isMissing && !self.out.hasError(about: setting.name) {
            self.out.error(place, "auth_mechanisms has \(names), but \(setting.name) is empty: \(setting.help)")
        }
    }
}
