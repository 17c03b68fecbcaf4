import MIMECore
import MailCore

/// Dates: what is read is written so that it reads the same.
func fuzzDates(_ input: FuzzInput) {
    withOctets(input.octets) { octets in
        if let date = MessageDate(parsing: octets) { check(date) }
    }
    var input = input
    var seconds: UInt64 = 0
    for _ in 0..<8 { seconds = seconds << 8 | UInt64(input.octet()) }
    let civil = CivilDate(secondsSince1970: Int64(bitPattern: seconds))
    need((1...12).contains(civil.month) && (1...31).contains(civil.day) && (0...6).contains(civil.weekday))
    // Years beyond those of four digits count as the last one.
    if (0..<9999).contains(civil.year) {
        same(civil.secondsSince1970, Int64(bitPattern: seconds), "a calendar date")
        need(civil.isValid)
    }
    check(MessageDate(secondsSince1970: Int64(bitPattern: seconds), zoneOffsetMinutes: Int(input.octet()) - 128))
}

private func check(_ date: MessageDate) {
    need((-1439...1439).contains(date.zoneOffsetMinutes))
    var mail: [UInt8] = []
    date.appendRFC5322(to: &mail)
    var wire: [UInt8] = []
    date.appendIMAP(to: &wire)
    need(wire.count == 26)
    _ = date.dayAsWritten
    guard (1900..<9999).contains(date.asWritten.year) else { return }
    withOctets(mail) { same(MessageDate(parsing: $0), date, "a date in mail") }
}
