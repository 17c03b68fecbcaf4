import MIMECore
import MailCore
import SieveCore

/// Why a message is not sent on: it would come back, or go round without end (RFC 5228 section 4.2).
enum RedirectLoop: String {
    /// This user's scripts sent it on before.
    case redirectedBefore = "X-Sieve-Redirected-From"
    /// It was delivered at that address before, whose server would refuse it.
    case wasThere = "Delivered-To"
    /// It has been through too many hands.
    case tooManyHops = "Received"

    /// Received fields from which on a message is not sent further.
    private static let maximumReceived = 50

    /// `nil`: it may go.
    init?(_ situation: SieveSituation, to address: String) {
        let octets = Octets(situation.octets)
        var received = 0
        for field in HeaderScanner(octets) {
            let name = octets[field.name]
            if name.equals(lowercase: "received") {
                received += 1
                if received > Self.maximumReceived {
                    self = .tooManyHops
                    return
                }
            } else if name.equals(lowercase: "x-sieve-redirected-from") {
                if Self.isSame(octets[field.body], situation.recipient.address) {
                    self = .redirectedBefore
                    return
                }
            } else if name.equals(lowercase: "delivered-to"), Self.isSame(octets[field.body], address) {
                self = .wasThere
                return
            }
        }
        return nil
    }

    private static func isSame(_ body: Octets, _ address: String) -> Bool {
        var text = HeaderBody.unfolded(body)
        if text.first == UInt8(ascii: "<"), text.last == UInt8(ascii: ">") { text = Array(text.dropFirst().dropLast()) }
        return ASCII.equalsIgnoringCase(text, address.utf8)
    }
}
