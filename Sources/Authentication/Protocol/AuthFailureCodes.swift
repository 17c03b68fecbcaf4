extension AuthenticationFailure {
    /// The `code=` of a FAIL reply; `nil` for a plain wrong user or password.
    package var wireCode: String? {
        switch self.code {
        case .credentials, .cancelled, .unknownMechanism: nil
        case .authorization: "authz_fail"
        case .userDisabled: "user_disabled"
        case .passwordExpired: "pass_expired"
        case .malformedResponse: "invalid_base64"
        case .temporary: "temp_fail"
        }
    }

    /// The failure that a FAIL reply's fields tell.
    package init(fields: [String: String]) {
        let code: Code
        switch fields["code"] {
        case "authz_fail": code = .authorization
        case "user_disabled": code = .userDisabled
        case "pass_expired": code = .passwordExpired
        case "invalid_base64": code = .malformedResponse
        case "temp_fail": code = .temporary
        default: code = fields["temp"] == nil ? .credentials : .temporary
        }
        self.init(code, message: fields["reason"])
    }
}

extension UserRecord {
    /// The record of a reply's fields: `uid`, `gid`, `home`, `mail` and others, each key after `prefix`.
    ///
    /// `nil` when uid or gid is missing, not a number or 0.
    package init?(user: String, fields: [String: String], prefix: String = "") {
        guard let uid = fields[prefix + "uid"].flatMap({ UInt32($0) }), uid > 0,
            let gid = fields[prefix + "gid"].flatMap({ UInt32($0) }), gid > 0
        else { return nil }
        self.init(user: user, uid: uid, gid: gid)
        for (key, value) in fields where key.hasPrefix(prefix) {
            switch key.dropFirst(prefix.count) {
            case "uid", "gid", "user", "": continue
            case "home": self.home = value
            case "mail": self.mailLocation = value
            case let name: self.fields[String(name)] = value
            }
        }
    }

    package func write(to out: inout AuthLineWriter, prefix: String = "") {
        out.field(prefix + "uid", self.uid)
        out.field(prefix + "gid", self.gid)
        out.field(prefix + "home", self.home)
        out.field(prefix + "mail", self.mailLocation)
        out.fields(self.fields, prefix: prefix)
    }
}
