import MIMECore
import MailCore

/// What makes a message the same one when it comes again.
enum MessageIdentity {
    /// Its Message-ID, with what tells the copies of a list and of who resent it from others, as in Pigeonhole. Without
    /// a Message-ID a hash of all of it: what programs send may have its From, Date and Subject in common with another
    /// message.
    ///
    /// - Parameter own: octets at its beginning that are other ones when the MTA brings it again.
    static func octets(of bytes: UnsafeRawBufferPointer, behind own: Int) -> [UInt8] {
        let octets = Octets(bytes)
        var id: [UInt8] = []
        var resentID: [UInt8] = []
        var resentFrom: [UInt8] = []
        var list: [UInt8] = []
        for field in HeaderScanner(octets) {
            let name = octets[field.name]
            func body() -> [UInt8] { HeaderBody.unfolded(octets[field.body][0..<1000]) }
            if id.isEmpty, name.equals(lowercase: "message-id") {
                id = body()
            } else if resentID.isEmpty, name.equals(lowercase: "resent-message-id") {
                resentID = body()
            } else if resentFrom.isEmpty, name.equals(lowercase: "resent-from") {
                resentFrom = body()
            } else if list.isEmpty, name.equals(lowercase: "list-id") {
                list = body()
            }
        }
        // No field has a NUL, which unfolding drops.
        var identity = id
        identity.append(0)
        if id.isEmpty {
            identity += SHA256.digest(UnsafeRawBufferPointer(rebasing: bytes[max(0, min(own, bytes.count))...]))
        } else {
            identity += resentID.isEmpty ? resentFrom : resentID
            identity.append(0)
            identity += list
        }
        return identity
    }
}
