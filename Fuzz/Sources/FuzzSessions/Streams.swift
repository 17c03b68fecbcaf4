import Glibc
import MailCore

/// Any octets behind a login, then the end of input: the server answers in whole lines and closes. What comes out as
/// untagged responses is what the grammar allows.
func fuzzIMAPStream(_ input: FuzzInput) {
    _ = Servers.shared.renew()
    let socket = Socket(port: Servers.shared.port("imap"))
    var preface = "l LOGIN u p\r\na APPEND INBOX {12+}\r\nSubject: x\r\n\r\n"
    var input = input
    if input.octet() & 1 == 0 { preface += "s SELECT INBOX\r\n" }
    socket.send(Array(preface.utf8) + input.octets)
    socket.endOutput()
    var responses = 0
    var sawBye = false
    while let response = Response(socket) {
        responses += 1
        need(!sawBye || response.kind != .untagged, "it goes on behind BYE")
        if response.octets.starts(with: "* BYE".utf8) { sawBye = true }
        // COMPRESS speaks another language from there on.
        if case .tagged(_, let status) = response.kind, status.elementsEqual("OK".utf8),
            response.octets.contains(sequence: "DEFLATE".utf8)
        {
            _ = socket.rest()
            return
        }
    }
    need(responses > 3, "no answers")
}

func fuzzPOP3Stream(_ input: FuzzInput) {
    _ = Servers.shared.renew()
    let socket = Socket(port: Servers.shared.port("pop3"))
    var input = input
    let preface = input.octet() & 1 == 0 ? "USER u\r\nPASS p\r\n" : ""
    socket.send(Array(preface.utf8) + input.octets)
    socket.endOutput()
    let all = socket.rest()
    need(all.starts(with: "+OK".utf8) && all.suffix(2) == [0x0D, 0x0A], Response.show(all))
    checkLines(all)
}

/// LMTP: every reply is three digits, and a dot that ends data is answered for each recipient.
func fuzzLMTPStream(_ input: FuzzInput) {
    _ = Servers.shared.renew()
    let socket = Socket(port: Servers.shared.port("lmtp"))
    var input = input
    let recipients = input.number(below: 4)
    var preface = "LHLO x\r\n"
    if recipients > 0 {
        preface += "MAIL FROM:<>\r\n"
        for number in 0..<recipients { preface += "RCPT TO:<u\(number)>\r\n" }
        preface += "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
    }
    socket.send(Array(preface.utf8) + input.octets)
    socket.endOutput()
    let all = socket.rest()
    checkLines(all)
    let lines = all.split(separator: 0x0A).map { Array($0.dropLast()) }
    var final: [[UInt8]] = []
    for line in lines {
        need(line.count >= 4 && line.prefix(3).allSatisfy(ASCII.isDigit), Response.show(line))
        need(line[3] == 0x20 || line[3] == UInt8(ascii: "-"), Response.show(line))
        if line[3] == 0x20 { final.append(Array(line.prefix(3))) }
    }
    // Greeting and LHLO; MAIL, each RCPT, DATA, and an answer for each recipient.
    let wanted = ["220", "250"] + (recipients > 0 ? ["250"] : []) + Array(repeating: "250", count: recipients)
        + (recipients > 0 ? ["354"] : []) + Array(repeating: "250", count: recipients)
    need(final.count >= wanted.count, Response.show(all))
    for (got, code) in zip(final, wanted) { need(got.elementsEqual(code.utf8), "\(code): \(Response.show(all))") }
}

func fuzzManageSieveStream(_ input: FuzzInput) {
    _ = Servers.shared.renew()
    let socket = Socket(port: Servers.shared.port("sieve"))
    var input = input
    let preface = input.octet() & 1 == 0 ? "AUTHENTICATE \"PLAIN\" \"AHUAcA==\"\r\n" : ""
    socket.send(Array(preface.utf8) + input.octets)
    socket.endOutput()
    let all = socket.rest()
    need(all.contains(sequence: "OK".utf8) && all.suffix(2) == [0x0D, 0x0A], Response.show(all))
}

/// Lines of text: each ends with CRLF and has no other CR, LF or NUL.
private func checkLines(_ all: [UInt8]) {
    var previous: UInt8 = 0
    for byte in all {
        need((byte == 0x0A) == (previous == 0x0D && byte == 0x0A), "a lone LF: \(Response.show(all))")
        need(byte != 0, "a NUL: \(Response.show(all))")
        previous = byte
    }
}

extension Array<UInt8> {
    func contains(sequence: some Collection<UInt8>) -> Bool {
        let wanted = Array(sequence)
        guard self.count >= wanted.count else { return false }
        return self.indices.dropLast(wanted.count - 1).contains { self[$0...].starts(with: wanted) }
    }
}
