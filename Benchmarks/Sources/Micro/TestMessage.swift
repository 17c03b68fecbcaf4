import MIMECore

/// What the benchmarks read.
enum TestMessage {
    static let small = make(lines: 45)
    static let large = make(lines: 900)
    static let html = make(lines: 45, htmlLines: 600)
    static let cache = small.withUnsafeBytes { MessageCache.build(from: $0) }
    static let keys = cache.withUnsafeBytes { blob in
        MessageCache.View(blob).map { HeaderKeys.build(from: $0) } ?? []
    }

    /// A multipart message with `lines` lines of text in its first part and `htmlLines` in its second.
    static func make(lines: Int, htmlLines: Int = 1) -> [UInt8] {
        let text = String(repeating: "The quick brown fox jumps over the lazy dog, again and again.\r\n", count: lines)
        let html = String(
            repeating: "<tr><td class=\"x\"><b>The quick</b> brown fox &amp; the <span>lazy</span> dog</td></tr>\r\n",
            count: htmlLines)
        return Array(
            """
            Return-Path: <sender@example.org>\r
            Received: from mail.example.org ([192.0.2.1]) by mx.example.com with ESMTPS id 4XyZ12; Sat, 21 Nov 2026 \
            10:00:00 +0000\r
            From: =?utf-8?Q?Zo=C3=AB?= <zoe@example.org>\r
            To: Anna <anna@example.com>, "Team, all" <team@example.com>\r
            Subject: Re: =?utf-8?B?R3LDvMOfZQ==?= and more of the same\r
            Date: Sat, 21 Nov 2026 11:00:00 +0100\r
            Message-ID: <4711.0815@example.org>\r
            References: <1@example.org> <2@example.org>\r
            MIME-Version: 1.0\r
            Content-Type: multipart/alternative; boundary="b1"\r
            \r
            --b1\r
            Content-Type: text/plain; charset=utf-8\r
            \r
            \(text)\r
            --b1\r
            Content-Type: text/html; charset=utf-8\r
            \r
            \(html)\r
            --b1--\r

            """.utf8)
    }
}
