import MIMECore
import MailCore

/// What makes a message the same one when it comes again.
enum MessageIdentity {
    /// Its Message-ID, or without one its From, Date and Subject. Empty when it has none of them: then every copy is a
    /// message of its own.
    static func octets(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let octets = Octets(bytes)
        var rest: [UInt8] = []
        for field in HeaderScanner(octets) {
            let name = octets[field.name]
            if name.equals(lowercase: "message-id") {
                let body = HeaderBody.unfolded(octets[field.body][0..<1000])
                if !body.isEmpty { return body }
            } else if name.equals(lowercase: "from") || name.equals(lowercase: "date")
                || name.equals(lowercase: "subject"), rest.count < 2000
            {
                rest.append(contentsOf: name.buffer)
                HeaderBody.appendUnfolded(octets[field.body][0..<600], to: &rest)
                rest.append(0)
            }
        }
        return rest
    }
}
