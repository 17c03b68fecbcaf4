import Glibc
import Synchronization
package import TokenCore

/// Says whose a bearer token is: a JSON Web Token (RFC 7519) that a known issuer signed.
///
/// The issuer is never asked: its keys are in a file, a JSON Web Key Set (RFC 7517), which is read again when it changes.
/// Safe on any thread; blocks for a read of the file at most.
public final class TokenVerifier: Sendable {
    /// The answer about one token.
    enum Answer: Sendable {
        /// The user's name as the issuer has it.
        case user(String)
        /// Why not, for the log: what follows "the token". `isSigned`: a known issuer signed it.
        case refused(String, isSigned: Bool)
        /// The keys cannot be read; for the log.
        case temporary(String)
    }

    private let path: String
    private let rules: TokenRules
    private let log: @Sendable (AuthLogLevel, String) -> Void
    private let clock: @Sendable () -> Int64
    private let file = Mutex(WatchedFile<KeyFile>())

    /// - Parameters:
    ///   - keyFile: the path of the key set, of one megabyte at most.
    ///   - issuers: whose tokens count (`iss`).
    ///   - audiences: of these a token has to be for one (`aud`); empty accepts any.
    ///   - scopes: all of these it has to have (`scope` or `scp`).
    ///   - userClaim: the claim with the user's name.
    ///   - grace: seconds by which clocks may differ.
    ///   - log: gets lines without a secret in them, on any thread.
    public convenience init(
        keyFile: String, issuers: [String], audiences: [String], scopes: [String], userClaim: String, grace: Int,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.init(
            keyFile: keyFile,
            rules: TokenRules(
                issuers: issuers, audiences: audiences, scopes: scopes, userClaim: userClaim, grace: grace),
            clock: { Int64(Glibc.time(nil)) }, log: log)
    }

    /// For tests: `clock` gives seconds since 1970.
    package init(
        keyFile: String, rules: TokenRules, clock: @escaping @Sendable () -> Int64,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.path = keyFile
        self.rules = rules
        self.clock = clock
        self.log = log
    }

    func verify(_ text: [UInt8]) -> Answer {
        var isSigned = false
        do throws(TokenError) {
            let token = try JSONWebToken(text)
            let keys: [VerificationKey]
            switch self.keys() {
            case .success(let found): keys = found
            case .failure(let problem): return .temporary(problem.text)
            }
            let candidates = keys.lazy.filter { $0.key.maySign(token) }.prefix(Self.maximumTries)
            guard !candidates.isEmpty else {
                let id = token.keyID.map { "kid \(TokenText.printable($0)), " } ?? ""
                throw TokenError("is signed with a key (\(id)\(token.algorithm.rawValue)) that is not in \(self.path)")
            }
            guard candidates.contains(where: { $0.verifies(token) }) else {
                throw TokenError("has a signature that is wrong")
            }
            isSigned = true
            return .user(try self.rules.user(of: token.claims, at: self.clock()))
        } catch {
            return .refused(error.text, isSigned: isSigned)
        }
    }

    /// Keys that are tried on a token that does not name one.
    private static let maximumTries = 8

    private func keys() -> Result<[VerificationKey], KeyFile.Problem> {
        self.file.withLock { file in
            Self.look(self.path, &file, self.log)
            switch file.contents {
            case .read(let keys)?: return .success(keys)
            case .broken(let problem)?: return .failure(problem)
            case nil: return .failure(KeyFile.Problem(text: "\(Self.title(self.path)): \(file.problem)"))
            }
        }
    }

    /// What is wrong with a file of keys, a sentence each; empty when all of them can be used. Blocks.
    public static func problems(ofKeyFile path: String) -> [String] {
        var sentences: [String] = []
        var file = WatchedFile<KeyFile>()
        self.look(path, &file) { _, text in sentences.append(text) }
        switch file.contents {
        case .read?: break
        case .broken(let problem)?: sentences.append(problem.text)
        case nil: sentences.append("\(self.title(path)): \(file.problem)")
        }
        return sentences
    }

    private static func look(
        _ path: String, _ file: inout WatchedFile<KeyFile>, _ log: (AuthLogLevel, String) -> Void
    ) {
        file.look(path, maximumSize: JSONWebKeySet.maximumLength, now: Ticks.now) { contents in
            let set: JSONWebKeySet
            do throws(TokenError) {
                set = try JSONWebKeySet(contents)
            } catch {
                return .broken(KeyFile.Problem(text: "\(self.title(path)): \(error.text)"))
            }
            for reason in set.skipped { log(.warning, "\(self.title(path)): \(reason)") }
            let keys = set.keys.compactMap { key in
                let made = VerificationKey(key)
                if made == nil {
                    log(.warning, "\(self.title(path)): key \(TokenText.printable(key.id ?? "?")) is no valid key")
                }
                return made
            }
            return keys.isEmpty
                ? .broken(KeyFile.Problem(text: "\(self.title(path)): no key in it can be used")) : .read(keys)
        }
    }

    private static func title(_ path: String) -> String { "oauth2_key_file \(path)" }
}

/// A file of keys that could be read.
private enum KeyFile: Sendable {
    struct Problem: Error {
        /// A whole sentence for the log.
        let text: String
    }

    /// One at least.
    case read([VerificationKey])
    case broken(Problem)
}
