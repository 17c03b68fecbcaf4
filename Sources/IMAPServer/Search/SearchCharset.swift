import MIMECore
import MailCore
import MailStore

/// The charsets in which SEARCH takes texts.
enum SearchCharset {
    /// Whether texts may stay as they are.
    static func isUTF8(_ name: [UInt8]) -> Bool {
        name.elementsEqual("UTF-8".utf8) || name.elementsEqual("US-ASCII".utf8)
    }

    /// The text in UTF-8; `nil` when it means nothing in the charset.
    static func text(_ octets: [UInt8], _ charset: [UInt8]) -> [UInt8]? {
        guard let text = CharsetConverter.system.convert(octets, charset: charset) else { return nil }
        let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
        let isWhole = text.withUnsafeBytes { bytes in
            let text = Octets(bytes)
            return !bytes.indices.contains { text.hasPrefix(replacement, at: $0) }
        }
        return isWhole ? text : nil
    }

    /// Names for BADCHARSET, separated by spaces: those that mail uses. Many more are known.
    static let names: [UInt8] = {
        let names =
            "US-ASCII UTF-8 UTF-7 UTF-16 ISO-8859-1 ISO-8859-2 ISO-8859-3 ISO-8859-4 ISO-8859-5 ISO-8859-6 ISO-8859-7 "
            + "ISO-8859-8 ISO-8859-9 ISO-8859-10 ISO-8859-13 ISO-8859-14 ISO-8859-15 ISO-8859-16 windows-1250 "
            + "windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 "
            + "windows-1258 KOI8-R KOI8-U TIS-620 GB2312 GBK GB18030 Big5 EUC-KR EUC-JP Shift_JIS ISO-2022-JP "
            + "ISO-2022-KR macintosh IBM850"
        let known = names.utf8.split(separator: 0x20).filter { CharsetConverter.system.knows(Array($0)) }
        return Array(known.joined(separator: [0x20]))
    }()
}
