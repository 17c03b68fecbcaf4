import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// GENURLAUTH (RFC 4467 section 7): all URLs or none.
    func signURLs(_ tag: Tag, _ urls: [URLToSign]) async throws(ConnectionError) {
        guard self.offersURLs else { return self.bad(tag, "URLAUTH is switched off") }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        var signed: [[UInt8]] = []
        for wanted in urls {
            guard wanted.mechanism.elementsEqual("INTERNAL".utf8) else {
                return self.bad(tag, "INTERNAL is the only mechanism")
            }
            guard let url = IMAPURL(wanted.url), let server = url.server, let mailbox = url.mailbox,
                let authorization = url.authorization, authorization.verification == nil
            else { return self.bad(tag, "Expected imap://user@host/mailbox/;UID=n;URLAUTH=access") }
            guard self.isHere(server), server.user?.elementsEqual(account.identity.name.utf8) == true else {
                return self.bad(tag, "URLs are those of this server and of the user who is logged in")
            }
            let key: URLKey?
            do throws(StoreError) {
                guard let name = try await self.name(inURL: mailbox, account) else {
                    return self.bad(tag, "No mailbox can have that name")
                }
                key = try await URLKey(of: name, user: account.identity.name, in: account, isMade: true)
            } catch {
                // The RFC wants BAD.
                if error.code == .notFound { return self.bad(tag, .nonExistent, "The URL's mailbox does not exist") }
                return try await self.refuse(tag, error)
            }
            guard let url = key?.signed(wanted.url) else {
                return try await self.refuse(tag, .serverBug, "The URL cannot be signed")
            }
            signed.append(url)
        }
        self.write { $0.signedURLs(signed) }
        try await self.finish(tag, "Genurlauth completed")
    }

    private func name(
        inURL octets: [UInt8], _ account: any MailAccount
    ) async throws(StoreError) -> MailboxName? {
        guard let text = String(validating: octets, as: UTF8.self), let exact = self.names.name(inURL: text) else {
            return nil
        }
        return try await account.resolve(exact)
    }

    /// RESETKEY (RFC 4467 section 7).
    func resetKey(
        _ tag: Tag, _ wire: WireMailboxName?, _ mechanisms: [[UInt8]]
    ) async throws(ConnectionError) {
        guard self.offersURLs else { return self.bad(tag, "URLAUTH is switched off") }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        guard mechanisms.allSatisfy({ $0.elementsEqual("INTERNAL".utf8) }) else {
            return self.bad(tag, "INTERNAL is the only mechanism")
        }
        var name: MailboxName?
        if let wire {
            guard let wanted = try await self.mailboxName(tag, wire, .nonExistent) else { return }
            name = wanted
        }
        do throws(StoreError) {
            try await URLKey.reset(of: name, user: account.identity.name, in: account)
        } catch {
            return try await self.refuse(tag, error)
        }
        if name != nil { return try await self.finish(tag, .urlMechanisms, "Key replaced") }
        if self.selected != nil { self.write { $0.untagged(.ok, .urlMechanisms, "Mechanisms of URLs") } }
        try await self.finish(tag, "All keys replaced")
    }

    /// URLFETCH (RFC 4467 section 7, RFC 5524): a response for each URL; NIL for one that is worth nothing, whyever.
    func fetchURLs(_ tag: Tag, _ urls: [URLToFetch]) async throws(ConnectionError) {
        guard self.offersURLs else { return self.bad(tag, "URLAUTH is switched off") }
        var owners = URLOwners()
        for wanted in urls {
            var parts: [URLPart]?
            do throws(StoreError) {
                if let url = IMAPURL(wanted.url),
                    let content = try await self.signedContent(of: wanted.url, url, &owners)
                {
                    parts = try await self.parts(wanted.items, of: content)
                }
            } catch {
                return try await self.refuse(tag, error)
            }
            guard let parts else {
                self.write { $0.missingURL(wanted.url) }
                try await self.connection.flushIfLarge()
                continue
            }
            self.write { $0.beginURL(wanted.url) }
            for (index, part) in parts.enumerated() {
                if index > 0 { self.connection.output.append(0x20) }
                try await self.writePart(part, isExtended: !wanted.items.isEmpty)
            }
            self.write { $0.endLine() }
            try await self.connection.flushIfLarge()
        }
        try await self.finish(tag, "Urlfetch completed")
    }

    /// What URLFETCH says of a URL.
    private enum URLPart {
        case body(URLContent)
        /// `nil`: it cannot be decoded.
        case binary(URLContent, DecodedURLContent?)
        case structure([UInt8])
    }

    private func parts(
        _ items: [URLToFetch.Item], of content: URLContent
    ) async throws(StoreError) -> [URLPart] {
        guard !items.isEmpty else { return [.body(content)] }
        var parts: [URLPart] = []
        for item in items {
            switch item {
            case .body: parts.append(.body(content))
            case .binary: parts.append(.binary(content, try await content.decoded(self.options.store.threads)))
            case .structure:
                parts.append(
                    .structure(try await content.structure(self.wireCharset, self.options.store.threads)))
            }
        }
        return parts
    }

    private func writePart(_ part: URLPart, isExtended: Bool) async throws(ConnectionError) {
        switch part {
        case .body(let content):
            if isExtended { self.connection.output.append("(BODY ") }
            try await self.write(content)
        case .binary(_, .none):
            self.connection.output.append("(BINARY NIL")
        case .binary(let content, .some(let decoded)):
            self.connection.output.append("(BINARY ")
            try await self.write(decoded, of: content)
        case .structure(let wire):
            self.connection.output.append("(BODYPARTSTRUCTURE ")
            self.connection.output.append(contentsOf: wire)
        }
        if isExtended { self.connection.output.append(UInt8(ascii: ")")) }
    }

    /// Writes octets as a literal, slice by slice.
    private func write(_ content: URLContent) async throws(ConnectionError) {
        self.connection.output.appendLiteralHeader(UInt64(content.count))
        var start = 0
        while start < content.count {
            let end = min(content.count, start + Self.slice)
            content.withUnsafeBytes {
                self.connection.output.appendSendable(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            start = end
            try await self.connection.flushIfLarge()
        }
        self.countFetched(content.count)
    }

    private func write(_ decoded: DecodedURLContent, of content: URLContent) async throws(ConnectionError) {
        var reader = decoded.reader
        if decoded.containsNUL { self.connection.output.append(UInt8(ascii: "~")) }
        self.connection.output.appendLiteralHeader(UInt64(decoded.count))
        while content.octets.withUnsafeBytes({ reader.next($0, into: &self.connection.output) }) {
            try await self.connection.flushIfLarge()
        }
        self.countFetched(decoded.count)
    }

    private func countFetched(_ octets: Int) {
        self.statistics.bodyCount += 1
        self.statistics.bodyBytes += UInt64(octets)
    }
}
