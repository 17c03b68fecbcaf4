import MailCore

/// SCRAM (RFC 5802): the client proves that it knows the password, the server that it knows what is stored of it.
///
/// ```
/// C: n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL
/// S: r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096
/// C: c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=
/// S: v=rmF9pqV8S7suAoZWja4dJRkFsKQ=
/// ```
///
/// The last line is the data of `.done`. An unknown user is answered like a known one, with keys that no proof fits: the
/// verifier makes them up.
public struct SCRAMExchange: SASLExchange {
    private enum State {
        case start
        case challenged
        case asking(SCRAMClientFirst, binding: [UInt8])
        case proving(Proving)
        case over
    }

    /// What the proof is checked with.
    private struct Proving {
        /// The client's header and the data that binds its channel.
        var bound: [UInt8]
        var nonce: [UInt8]
        /// The messages so far, which the proof covers.
        var messages: [UInt8]
        var keys: SCRAMKeys
    }

    private let hash: SCRAMHash
    private let functions: SCRAMFunctions
    private let binding: SCRAMBinding
    private let nonce: [UInt8]
    private var state = State.start

    /// - Parameters:
    ///   - nonce: the server's half: printable octets without a comma, from a random source, at least 18 of them.
    ///   - binding: what this mechanism does about the channel.
    public init(hash: SCRAMHash, functions: SCRAMFunctions, nonce: [UInt8], binding: SCRAMBinding = .none) {
        self.hash = hash
        self.functions = functions
        self.nonce = nonce
        self.binding = binding
    }

    public mutating func received(_ response: [UInt8]?) -> SASLAction {
        switch self.state {
        case .start:
            guard let response else {
                self.state = .challenged
                return .challenge([])
            }
            return self.takeFirst(response)
        case .challenged: return self.takeFirst(response ?? [])
        case .proving(let proving): return self.takeFinal(response ?? [], proving)
        case .asking, .over: return self.fail(.unexpected)
        }
    }

    public mutating func answered(_ answer: SASLAnswer) -> SASLAction {
        guard case .asking(let first, let binding) = self.state else { return self.fail(.unexpected) }
        switch answer {
        case .keys(let keys):
            guard keys.storedKey.count == self.hash.size, keys.serverKey.count == self.hash.size else {
                return self.fail(.refused)
            }
            let nonce = first.nonce + self.nonce
            var challenge = Array("r=".utf8)
            challenge.append(contentsOf: nonce)
            challenge.append(contentsOf: ",s=".utf8)
            challenge.append(contentsOf: Base64.encode(keys.salt))
            challenge.append(contentsOf: ",i=\(keys.iterations)".utf8)
            self.state = .proving(
                Proving(
                    bound: first.header + binding, nonce: nonce, messages: first.bare + [0x2C] + challenge, keys: keys))
            return .challenge(challenge)
        case .refused: return self.fail(.refused)
        case .accepted: return self.fail(.unexpected)
        }
    }

    private mutating func takeFirst(_ message: [UInt8]) -> SASLAction {
        guard let first = SCRAMClientFirst(message), let binding = self.binding.data(for: first.binding),
            let user = SASLPrep.prepare(first.user), !user.isEmpty
        else { return self.fail(.malformed) }
        var other: String?
        if let identity = first.authorizationIdentity {
            guard let prepared = SASLPrep.prepare(identity), !prepared.isEmpty else { return self.fail(.malformed) }
            other = prepared
        }
        self.state = .asking(first, binding: binding)
        return .ask(
            .keys(SCRAMIdentity(authorizationIdentity: other, authenticationIdentity: user, hash: self.hash)))
    }

    private mutating func takeFinal(_ message: [UInt8], _ proving: Proving) -> SASLAction {
        guard let final = SCRAMClientFinal(message), final.nonce == proving.nonce, final.binding == proving.bound,
            final.proof.count == self.hash.size
        else { return self.fail(.malformed) }
        let covered = proving.messages + [0x2C] + final.withoutProof
        guard let signature = self.functions.mac(proving.keys.storedKey, covered), signature.count == self.hash.size,
            let storedKey = self.functions.digest(zip(final.proof, signature).map { $0 ^ $1 }),
            let serverSignature = self.functions.mac(proving.keys.serverKey, covered),
            Self.areEqual(storedKey, proving.keys.storedKey)
        else { return self.fail(.refused) }
        self.state = .over
        return .done(serverData: Array("v=".utf8) + Base64.encode(serverSignature))
    }

    private mutating func fail(_ failure: SASLFailure) -> SASLAction {
        self.state = .over
        return .fail(failure)
    }

    /// Takes as long wherever the two differ.
    private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        var difference: UInt8 = 0
        for (left, right) in zip(one, other) { difference |= left ^ right }
        return difference == 0
    }
}

/// What a SCRAM mechanism does about the channel below it.
public enum SCRAMBinding: Hashable, Sendable {
    /// The mechanism without `-PLUS`, and there is none with it.
    case none
    /// The mechanism without `-PLUS` beside one with it: a client that saw no such offer was deceived about it
    /// (RFC 5802 section 6).
    case offered
    /// The mechanism with `-PLUS`: the channel's data by type, such as `tls-exporter`.
    case required([String: [UInt8]])

    /// The octets that the client's proof has to cover behind its header; `nil` when its choice is not allowed.
    func data(for choice: GS2Header.Binding) -> [UInt8]? {
        switch (self, choice) {
        case (.none, .none), (.none, .unsupportedByServer), (.offered, .none): []
        case (.required(let data), .named(let name)): data[name]
        case (.none, .named), (.offered, .unsupportedByServer), (.offered, .named), (.required, .none),
            (.required, .unsupportedByServer):
            nil
        }
    }
}
