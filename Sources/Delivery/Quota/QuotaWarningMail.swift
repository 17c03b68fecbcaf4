import MIMECore
import MailCore
import MailStore

/// The mail that tells a user of a level, in RFC 5322 form.
struct QuotaWarningMail {
    var from: String
    var to: String
    var subject: String
    var text: String
    /// Seconds since 1970.
    var date: Int64
    var messageID: String

    func octets() -> [UInt8] {
        var out: [UInt8] = []
        out += Self.field("From", self.from)
        out += Self.field("To", self.to)
        out += Array("Subject: ".utf8) + Self.encoded(self.subject) + [0x0D, 0x0A]
        out += Array("Date: ".utf8)
        MessageDate(secondsSince1970: self.date).appendRFC5322(to: &out)
        out += Array("\r\nMessage-ID: <\(self.messageID)>\r\n".utf8)
        // So that no vacation script answers it (RFC 3834 section 5).
        out += Array("Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\nMIME-Version: 1.0\r\n".utf8)
        out += Array("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".utf8)
        for line in self.text.split(separator: "\n", omittingEmptySubsequences: false) {
            out += line.utf8.filter { $0 != 0x0D && $0 != 0 }
            out += [0x0D, 0x0A]
        }
        return out
    }

    private static func field(_ name: String, _ value: String) -> [UInt8] {
        Array("\(name): ".utf8) + value.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 } + [0x0D, 0x0A]
    }

    /// Unstructured text; other than ASCII as encoded-words, each of whole characters (RFC 2047 section 2).
    static func encoded(_ text: String) -> [UInt8] {
        let line = String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
        if line.utf8.allSatisfy({ $0 < 0x80 }) { return Array(line.utf8) }
        var out: [UInt8] = []
        var word: [UInt8] = []
        func end() {
            guard !word.isEmpty else { return }
            if !out.isEmpty { out += [0x0D, 0x0A, 0x20] }
            out += Array("=?utf-8?B?".utf8) + Base64.encode(word) + Array("?=".utf8)
            word = []
        }
        for scalar in line.unicodeScalars {
            let octets = Array(String(scalar).utf8)
            // Of the 75 octets of a word 12 are its frame.
            if word.count + octets.count > 45 { end() }
            word += octets
        }
        end()
        return out
    }

    /// `950.5 MiB`
    static func sizeText(_ octets: Int64) -> String {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
        var unit = 0
        var scale: Int64 = 1
        while unit < units.count - 1, octets / scale >= 1024 {
            scale *= 1024
            unit += 1
        }
        if unit == 0 { return "\(max(0, octets)) bytes" }
        let tenths = octets / scale * 10 + octets % scale * 10 / scale
        return tenths % 10 == 0 ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
