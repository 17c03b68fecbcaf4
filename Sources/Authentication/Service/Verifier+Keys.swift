import Glibc
import SASLCore

/// Keys for SCRAM, whose exchange compares them itself.
extension Verifier {
    /// What is kept between the keys and the client's proof.
    struct Candidate: Sendable {
        let keys: SCRAMKeys
        var check: PasswordCheck
        /// `nil` when the keys are made up: no proof fits.
        fileprivate let entry: PasswordEntry?
    }

    enum KeyLookup: Sendable {
        case found(Candidate)
        /// A database did not answer. Says nothing of who exists.
        case temporary
    }

    /// Iterations for keys that are made from a readable password, or made up.
    private static let iterations: UInt32 = 4096

    /// The keys of the first database that has any for `query`; made-up ones when none has. Blocks.
    ///
    /// What a stranger sees must not tell users from others: the made-up salt stays the same for a name, and there is one
    /// derivation in each case, so that all take as long.
    func keys(_ query: AuthQuery, _ hash: SCRAMHash) -> KeyLookup {
        var check = PasswordCheck(query: query, password: [])
        let salt = Self.salt(query.user, hash)
        var found: (keys: SCRAMKeys, entry: PasswordEntry)?
        databases: while found == nil, check.index < self.configuration.passwordDatabases.count {
            let source = self.configuration.passwordDatabases[check.index]
            switch (source.database.lookup(query.keyed(source.usernameFormat)), source.use) {
            case (.notFound, _), (.pam, .deny): check.index += 1
            case (.pam, .accept):
                check.refuse(AuthenticationFailure(.credentials), "PAM cannot serve \(hash.mechanism.text)")
            case (.temporary(let text), let use):
                self.log(.error, "\(self.label(check)): \(text)")
                if use == .deny { return .temporary }
                check.refuse(AuthenticationFailure(.temporary), "database did not answer")
            case (.found, .deny):
                check.failure = AuthenticationFailure(.credentials)
                check.reason = "user is in a deny list"
                break databases
            case (.found(var entry), .accept):
                guard self.complete(&entry, source, query) else {
                    check.refuse(
                        AuthenticationFailure(.credentials), "the name would lead out of a directory")
                    continue
                }
                guard entry.fields["noauthenticate"] == nil else {
                    check.index += 1
                    continue
                }
                if entry.fields["nodelay"] != nil { check.answersAtOnce = true }
                if let keys = self.keys(of: entry, hash, salt, &check) {
                    found = (keys, entry)
                } else if entry.proxyField != nil {
                    // The mail is elsewhere: no further database may open a mailbox here.
                    check.failure = AuthenticationFailure(.credentials)
                    check.reason = "user is to be proxied"
                    break databases
                }
            }
        }
        if let found {
            // A stored key costs nothing: what a readable one costs is added.
            if found.keys.salt != salt { _ = Self.madeUp(hash, salt) }
            return .found(Candidate(keys: found.keys, check: check, entry: found.entry))
        }
        guard check.failure?.code != .temporary, let keys = Self.madeUp(hash, salt) else { return .temporary }
        return .found(Candidate(keys: keys, check: check, entry: nil))
    }

    /// Whether a user whose proof fits may come in.
    func admit(_ candidate: Candidate) -> Result<AcceptedPassword, AuthenticationFailure> {
        var check = candidate.check
        guard let entry = candidate.entry else { return .failure(AuthenticationFailure(.credentials)) }
        if let accepted = self.admit(entry, &check) { return .success(accepted) }
        self.log(.info, "\(self.label(check)): login failed: \(check.reason)")
        return .failure(check.failure ?? AuthenticationFailure(.credentials))
    }

    /// Notes in the log that a proof did not fit.
    func refuse(_ candidate: Candidate) -> AuthenticationFailure {
        let reason = candidate.entry == nil ? candidate.check.reason : "password mismatch"
        self.log(.info, "\(self.label(candidate.check)): login failed: \(reason)")
        return AuthenticationFailure(.credentials)
    }

    /// The keys of one entry; `nil` when it has none, which `check` then notes.
    private func keys(
        of entry: PasswordEntry, _ hash: SCRAMHash, _ salt: [UInt8], _ check: inout PasswordCheck
    ) -> SCRAMKeys? {
        guard entry.fields["nopassword"] == nil, !entry.password.isEmpty else {
            check.refuse(AuthenticationFailure(.credentials), "user has no password")
            return nil
        }
        let stored: StoredPassword
        do {
            stored = try StoredPassword(entry.password, defaultScheme: entry.defaultScheme)
        } catch {
            self.log(.error, "\(self.label(check)): \(error.text)")
            check.refuse(AuthenticationFailure(.temporary), "stored password is unusable")
            return nil
        }
        if let keys = stored.keys(for: hash, salt: salt, iterations: Self.iterations) { return keys }
        if stored.scheme.scramHash == hash {
            self.log(.error, "\(self.label(check)): stored \(stored.scheme.rawValue) password is damaged")
            check.refuse(AuthenticationFailure(.temporary), "stored password is unusable")
        } else {
            check.refuse(
                AuthenticationFailure(.credentials),
                "a \(stored.scheme.rawValue) password does not serve \(hash.mechanism.text)")
        }
        return nil
    }

    private static func madeUp(_ hash: SCRAMHash, _ salt: [UInt8]) -> SCRAMKeys? {
        guard
            let keys = SCRAMKeys(hash: hash, iterations: self.iterations, salt: salt, password: randomBytes(16))
        else { return nil }
        // Random octets are no hash of anything that somebody could send.
        return SCRAMKeys(
            hash: hash, iterations: self.iterations, salt: salt, storedKey: randomBytes(hash.size),
            serverKey: keys.serverKey)
    }

    /// The salt for a name that has none stored: the same at each try, and after a restart.
    private static func salt(_ user: String, _ hash: SCRAMHash) -> [UInt8] {
        let code = Digest.hmacSHA256(key: self.saltKey, Array("\(hash.mechanism.text) \(user)".utf8))
        return Array((code ?? self.saltKey).prefix(16))
    }

    /// Nobody far away knows the machine's id; on a machine without one, salts change with each start.
    private static let saltKey: [UInt8] = {
        var octets = [UInt8](repeating: 0, count: 64)
        let file = open("/etc/machine-id", O_RDONLY | O_CLOEXEC)
        let count = file < 0 ? 0 : read(file, &octets, octets.count)
        if file >= 0 { close(file) }
        guard count >= 32 else { return randomBytes(32) }
        return Digest.hmacSHA256(key: Array("martlet SCRAM salts".utf8), Array(octets[..<count])) ?? randomBytes(32)
    }()
}
