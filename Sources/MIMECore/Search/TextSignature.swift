/// What the index knows of a message's texts, so that a search for text need not look into messages that cannot have
/// it: two Bloom filters over the grams (runs of three octets) of the texts that SEARCH compares, one of the header
/// fields and one of the bodies.
///
///     octet version | header filter's octets (2, little-endian) | header filter | body filter
///
/// A needle is in a text only if all its grams are, so a filter that lacks one says no with certainty, and what it does
/// not say no to must be looked at. The grams are taken from `MessageText`, which also does that looking: what a
/// search may find and what a filter knows are the same octets.
///
/// Filters grow with the number of grams, but a signature stays below a tenth of its message, fuller where that is not
/// enough.
public enum TextSignature {
    /// Of the form above, and of what `MessageText` makes of a message: when either changes, signatures of other
    /// versions mean nothing.
    public static let version: UInt8 = 1

    /// Bits of a filter for each of its grams, where the message is large enough.
    private static let bitsOfHeaderGram = 4
    private static let bitsOfBodyGram = 5
    private static let maximumFilter = 16 << 10
    private static let minimumBudget = 24

    /// The signature of a message. Any octets are a message.
    public static func build(
        from message: UnsafeRawBufferPointer, table: PartTable, converter: CharsetConverter = .builtIn
    ) -> [UInt8] {
        let text = MessageText(message, table, converter: converter)
        var header = GramSet()
        var body = GramSet()
        for part in table.parts {
            _ = text.forEachHeaderLine(of: part) { line in
                header.insert(line)
                return false
            }
            _ = text.forEachText(of: part, keeping: 2) { piece in
                body.insert(piece)
                return false
            }
        }
        // HEADER also looks at addresses as ENVELOPE has them.
        let fields = text.message[table.root.header]
        for field in HeaderScanner(fields) where MessageText.hasAddresses(fields[field.name]) {
            header.insert(MessageText.mappedAddresses(fields[field.body], converter: converter))
        }
        let headerGrams = header.hashes.filter { !Self.boilerplate.contains($0) }

        var octets = (
            header: Self.octets(headerGrams.count * Self.bitsOfHeaderGram),
            body: Self.octets(body.hashes.count * Self.bitsOfBodyGram)
        )
        let budget = max(Self.minimumBudget, message.count * 3 / 32)
        let wanted = octets.header + octets.body
        if wanted > budget {
            octets.header = max(1, octets.header * budget / wanted)
            octets.body = octets.body == 0 ? 0 : max(1, octets.body * budget / wanted)
        }
        var out: [UInt8] = [Self.version, UInt8(octets.header & 0xFF), UInt8(octets.header >> 8)]
        out.reserveCapacity(3 + octets.header + octets.body)
        Self.append(headerGrams, octets.header, to: &out)
        Self.append(body.hashes, octets.body, to: &out)
        return out
    }

    private static func octets(_ bits: Int) -> Int { min((bits + 7) / 8, Self.maximumFilter) }

    private static func append(_ hashes: [UInt32], _ octets: Int, to out: inout [UInt8]) {
        let start = out.count
        out.append(contentsOf: repeatElement(0, count: octets))
        guard octets > 0 else { return }
        let bits = UInt64(octets) * 8
        out.withUnsafeMutableBufferPointer { out in
            for hash in hashes {
                let gram = Gram(hash)
                let (first, second) = (gram.first(of: bits), gram.second(of: bits))
                out[start &+ first >> 3] |= 1 &<< UInt8(truncatingIfNeeded: first & 7)
                out[start &+ second >> 3] |= 1 &<< UInt8(truncatingIfNeeded: second & 7)
            }
        }
    }

    /// Where a gram's bits are in filters of any size.
    struct Gram: Sendable {
        private let a: UInt64
        private let b: UInt64

        /// - Parameter hash: of `GramSet`.
        init(_ hash: UInt32) {
            var mixed = (UInt64(hash) &+ 1) &* 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ mixed >> 29) &* 0xBF58_476D_1CE4_E5B9
            mixed ^= mixed >> 32
            self.a = mixed >> 32
            self.b = mixed & 0xFFFF_FFFF
        }

        @inline(__always)
        func first(of bits: UInt64) -> Int { Int(truncatingIfNeeded: (self.a &* bits) >> 32) }

        @inline(__always)
        func second(of bits: UInt64) -> Int { Int(truncatingIfNeeded: (self.b &* bits) >> 32) }
    }

    /// What nearly every header has. Filters leave it out and are taken to have it.
    static let boilerplate: GramSet = {
        var grams = GramSet()
        for line in Self.commonLines {
            var mapped: [UInt8] = []
            UnicodeCasemap.append(Array(line.utf8), to: &mapped)
            grams.insert(mapped)
        }
        return grams
    }()

    private static let commonLines = [
        "Return-Path: <", "Delivered-To: ", "Received: from mail.", "Received: by smtp with esmtps id for <",
        "(envelope-from <", "(Postfix) with ESMTP id ", " [127.0.0.1])", " (using TLSv1.3 with cipher ",
        "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits))",
        "Date: Mon, Tue, Wed, Thu, Fri, Sat, Sun, 01 Jan 2024 10:00:00 +0000 (UTC)",
        ", 02 Feb 2025, 03 Mar 2026, 04 Apr 05 May 06 Jun 07 Jul 08 Aug 09 Sep 10 Oct 11 Nov 12 Dec 20",
        "From: ", "Sender: ", "Reply-To: ", "To: ", "Cc: ", "Subject: Re: ", "Message-ID: <", "In-Reply-To: <",
        "References: <", ".com>", ".com>, ", "@mail.gmail.com>", "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=\"utf-8\"", "Content-Type: text/html; charset=utf-8; format=flowed",
        "charset=us-ascii", "Content-Type: multipart/alternative; boundary=\"", "multipart/mixed; boundary=",
        "Content-Type: application/pdf; name=\"", "application/octet-stream", "image/png; image/jpeg; name=",
        "Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: 8bit",
        "Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment; filename=\"", "Content-Disposition: inline", "Content-ID: <",
        "Content-Language: en-US", "User-Agent: Mozilla Thunderbird", "X-Mailer: Microsoft Outlook",
        "X-Spam-Status: No, score=-1.0 required=5.0 tests=", "X-Spam-Flag: ", "X-Originating-IP: ",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=", "; s=", "; t=", "; h=", "; bh=", "; b=",
        "from:to:cc:subject:date:message-id:reply-to:mime-version:content-type", "ARC-Seal: i=1; a=rsa-sha256; cv=none",
        "ARC-Message-Signature: i=1;", "ARC-Authentication-Results: i=1; ", "Authentication-Results: ",
        "dkim=pass header.i=@ header.s= header.b=", "spf=pass smtp.mailfrom=", "dmarc=pass header.from=",
        "Received-SPF: pass client-ip=; envelope-from=", "List-Id: <", "List-Unsubscribe: <https://", "<mailto:",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: bulk", "Auto-Submitted: ",
    ]

    /// Reads a signature in place. Valid as long as the memory it was made from.
    public struct View {
        let header: UnsafeRawBufferPointer
        let body: UnsafeRawBufferPointer

        /// `nil` for one of another version, and for what is none.
        @inline(__always)
        public init?(_ octets: UnsafeRawBufferPointer) {
            guard octets.count >= 3, octets[0] == TextSignature.version else { return nil }
            let end = 3 + (Int(octets[1]) | Int(octets[2]) << 8)
            guard end <= octets.count else { return nil }
            self.header = UnsafeRawBufferPointer(rebasing: octets[3..<end])
            self.body = UnsafeRawBufferPointer(rebasing: octets[end...])
        }
    }
}
