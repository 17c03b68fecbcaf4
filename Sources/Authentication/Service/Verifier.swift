import MailCore
import Synchronization

/// The databases of one configuration: checks passwords and makes user records. Safe on any thread.
final class Verifier: Sendable {
    let configuration: AuthConfiguration
    let log: @Sendable (AuthLogLevel, String) -> Void
    private let verified: VerifiedPasswords
    /// Wrong passwords lately: a mail program with an old one tries it each minute, and each time would be a hash.
    private let refused: VerifiedPasswords
    /// Names of users (`u`) and groups (`g`) to their numbers, as far as they were needed.
    let owners = Mutex<[String: UInt32]>([:])

    init(configuration: AuthConfiguration, log: @escaping @Sendable (AuthLogLevel, String) -> Void) {
        self.configuration = configuration
        self.log = log
        self.verified = VerifiedPasswords(capacity: configuration.cacheSize)
        self.refused = VerifiedPasswords(capacity: min(configuration.cacheSize, 1000))
    }

    /// Seconds for which a wrong password is known to be one.
    private static let refusedLifetime = 300

    func flushCache() -> Int {
        _ = self.refused.removeAll()
        return self.verified.removeAll()
    }

    /// Asks databases from where `check` stands until one accepts, all refused, or it cannot go on here.
    func advance(_ check: inout PasswordCheck, waiting: Waiting) -> PasswordCheck.Step {
        while check.index < self.configuration.passwordDatabases.count {
            let source = self.configuration.passwordDatabases[check.index]
            if source.database.mayBlock, case .forbidden = waiting { return .wouldBlock }
            switch (source.database.lookup(check.query.keyed(source.usernameFormat)), source.use) {
            case (.notFound, .accept), (.notFound, .deny), (.pam, .deny):
                check.index += 1
            case (.temporary(let text), let use):
                self.log(.error, "\(self.label(check)): \(text)")
                // Who may be in the deny list must not get in because it cannot be read.
                if use == .deny {
                    return self.refused(&check, AuthenticationFailure(.temporary), "no deny list")
                }
                check.refuse(AuthenticationFailure(.temporary), "database did not answer")
            case (.found, .deny):
                return self.refused(&check, AuthenticationFailure(.credentials), "user is in a deny list")
            case (.pam(let service), .accept):
                let name = check.query.keyed(source.usernameFormat).user
                guard
                    self.verified.contains(
                        check.query.user, source: check.index, stored: service, password: check.password)
                else { return .pam(service: service, user: name) }
                if let step = self.acceptedByPAM(name, &check) { return step }
            case (.found(var entry), .accept):
                guard self.complete(&entry, source, check.query) else {
                    check.refuse(
                        AuthenticationFailure(.credentials), "the name would lead out of a directory")
                    continue
                }
                // A database only for lookups.
                guard entry.fields["noauthenticate"] == nil else {
                    check.index += 1
                    continue
                }
                guard let verdict = self.compare(entry, check, waiting) else { return .wouldBlock }
                if entry.fields["nodelay"] != nil { check.answersAtOnce = true }
                switch verdict {
                case .match:
                    if let accepted = self.admit(entry, &check) { return .accepted(accepted) }
                case .mismatch:
                    check.refuse(AuthenticationFailure(.credentials), "password mismatch")
                    if entry.proxyField != nil { check.index = self.configuration.passwordDatabases.count }
                case .unusable(let text):
                    self.log(.error, "\(self.label(check)): \(text)")
                    check.refuse(AuthenticationFailure(.temporary), "stored password is unusable")
                }
            }
        }
        return self.refused(&check, check.failure ?? AuthenticationFailure(.credentials), check.reason)
    }

    /// Goes on after a PAM worker's answer.
    func advance(_ check: inout PasswordCheck, answer: PAMAnswer, service: String) -> PasswordCheck.Step {
        switch answer {
        case .accepted(let user):
            self.verified.insert(
                check.query.user, source: check.index, stored: service, password: check.password,
                lifetime: self.configuration.pamCacheLifetime)
            return self.acceptedByPAM(user, &check) ?? self.advance(&check, waiting: .forbidden)
        case .refused(let code, let text):
            self.verified.remove(check.query.user, source: check.index)
            check.refuse(AuthenticationFailure(code), "pam: " + text)
            return self.advance(&check, waiting: .forbidden)
        }
    }

    /// Applies the configuration's fields to PAM's bare yes; `nil` when they refuse the user.
    private func acceptedByPAM(_ name: String, _ check: inout PasswordCheck) -> PasswordCheck.Step? {
        let source = self.configuration.passwordDatabases[check.index]
        var entry = PasswordEntry(password: "")
        // A module may have changed the name that it was asked for.
        if name != check.query.keyed(source.usernameFormat).user { entry.fields["user"] = name }
        guard self.complete(&entry, source, check.query) else {
            check.refuse(AuthenticationFailure(.credentials), "the name would lead out of a directory")
            return nil
        }
        return self.admit(entry, &check).map { .accepted($0) }
    }

    /// Adds the configuration's fields; `userdb_` ones go to the user's. `false` for an unsafe name.
    func complete(_ entry: inout PasswordEntry, _ source: PasswordSource, _ query: AuthQuery) -> Bool {
        var fields = entry.fields
        for (key, value) in entry.userFields { fields["userdb_" + key] = value }
        guard source.fields.apply(to: &fields, query) else { return false }
        entry.fields = fields.filter { !$0.key.hasPrefix("userdb_") }
        entry.userFields = [:]
        for (key, value) in fields where key.hasPrefix("userdb_") {
            entry.userFields[String(key.dropFirst(7))] = value
        }
        return true
    }

    /// `nil` when the comparison would have to wait and must not.
    private func compare(
        _ entry: PasswordEntry, _ check: PasswordCheck, _ waiting: Waiting
    ) -> PasswordVerdict? {
        if entry.fields["nopassword"] != nil {
            // With a password beside it, it is unclear what the administrator wants: let nobody in.
            return entry.password.isEmpty || entry.password.uppercased() == "{PLAIN}"
                ? .match : .unusable("nopassword is given, but the password is not empty")
        }
        guard !entry.password.isEmpty else { return .mismatch }
        let stored: StoredPassword
        do {
            stored = try StoredPassword(entry.password, defaultScheme: entry.defaultScheme)
        } catch {
            return .unusable(error.text)
        }
        if stored.scheme.isWeak, !self.configuration.allowsWeakSchemes {
            return .unusable("scheme \(stored.scheme.rawValue) is weak and not allowed")
        }
        guard stored.scheme.isSlow else { return stored.verify(check.password) }
        let user = check.query.user
        if self.verified.contains(
            user, source: check.index, stored: entry.password, password: check.password)
        {
            return .match
        }
        if self.refused.contains(user, source: check.index, stored: entry.password, password: check.password) {
            return .mismatch
        }
        guard case .allowed = waiting else { return nil }
        let verdict = stored.verify(check.password)
        switch verdict {
        case .match:
            self.verified.insert(
                user, source: check.index, stored: entry.password, password: check.password,
                lifetime: self.configuration.cacheLifetime)
        case .mismatch:
            self.refused.insert(
                user, source: check.index, stored: entry.password, password: check.password,
                lifetime: min(self.configuration.cacheLifetime, Self.refusedLifetime))
        case .unusable: break
        }
        return verdict
    }

    /// Applies the fields that can still refuse a user whose password is right.
    func admit(_ entry: PasswordEntry, _ check: inout PasswordCheck) -> AcceptedPassword? {
        if let field = entry.proxyField {
            self.log(
                .error,
                "\(self.label(check)): the answer has the field \(field), and proxying is not in this release: login refused"
            )
            check.refuse(AuthenticationFailure(.temporary), "user is to be proxied")
            // The mail is elsewhere: no further database may open a mailbox here.
            check.index = self.configuration.passwordDatabases.count
            return nil
        }
        if let networks = entry.fields["allow_nets"],
            !Self.allows(networks, check.query.request.remoteAddress)
        {
            check.refuse(AuthenticationFailure(.credentials), "address is not in allow_nets")
            return nil
        }
        let message = entry.fields["reason"]
        if entry.fields["user_disabled"] != nil {
            check.refuse(AuthenticationFailure(.userDisabled, message: message), "user is disabled")
            return nil
        }
        if entry.fields["pass_expired"] != nil {
            check.refuse(AuthenticationFailure(.passwordExpired, message: message), "password has expired")
            return nil
        }
        var fields = entry.fields
        let user = fields.removeValue(forKey: "user").flatMap { $0.isEmpty ? nil : $0 } ?? check.query.user
        return AcceptedPassword(user: user, fields: fields, userFields: entry.userFields)
    }

    /// Comma-separated networks; `local` stands for connections without an address.
    static func allows(_ networks: String, _ address: String?) -> Bool {
        let host = address.flatMap { IPNetwork($0) }
        for network in networks.split(separator: ",") {
            if address == nil, network == "local" { return true }
            if let host, IPNetwork(String(network))?.contains(host) == true { return true }
        }
        return false
    }

    private func refused(
        _ check: inout PasswordCheck, _ failure: AuthenticationFailure, _ reason: String
    ) -> PasswordCheck.Step {
        check.index = self.configuration.passwordDatabases.count
        self.log(.info, "\(self.label(check)): login failed: \(reason)")
        return .refused(failure)
    }

    func label(_ check: PasswordCheck) -> String {
        let databases = self.configuration.passwordDatabases
        let driver =
            check.index < databases.count ? databases[check.index].database.driver : "auth"
        return Self.label(driver, check.query)
    }

    /// `driver(user,address,<session>)`, as administrators know it.
    static func label(_ driver: String, _ query: AuthQuery) -> String {
        var text = "\(driver)(\(LoggedName.text(query.user))"
        if let address = query.request.remoteAddress { text += ",\(address)" }
        if let session = query.request.session { text += ",<\(session)>" }
        return text + ")"
    }
}
