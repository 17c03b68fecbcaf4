import MIMECore
import MailCore

/// What makes a message the same one when it comes again.
enum MessageIdentity {
    /// Its Message-ID, or without one a hash of all of it: what programs send may have its From, Date and Subject in
    /// common with another message.
    ///
    /// - Parameter own: octets at its beginning that are other ones when the MTA brings it again.
    static func octets(of bytes: UnsafeRawBufferPointer, behind own: Int) -> [UInt8] {
        let octets = Octets(bytes)
        for field in HeaderScanner(octets) where octets[field.name].equals(lowercase: "message-id") {
            let body = HeaderBody.unfolded(octets[field.body][0..<1000])
            if !body.isEmpty { return body }
        }
        // No Message-ID begins with NUL, which unfolding drops.
        return [0] + SHA256.digest(UnsafeRawBufferPointer(rebasing: bytes[max(0, min(own, bytes.count))...]))
    }
}
