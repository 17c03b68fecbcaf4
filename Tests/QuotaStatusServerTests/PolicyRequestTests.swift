import Testing

@testable import QuotaStatusServer

@Suite struct PolicyRequestTests {
    private static func request(_ lines: [String]) -> (PolicyRequest, [PolicyRequest.Step]) {
        var request = PolicyRequest()
        let steps = lines.map { line -> PolicyRequest.Step in
            let bytes = Array(line.utf8)
            return request.take(bytes.span)
        }
        return (request, steps)
    }

    @Test func attributes() {
        let (request, steps) = Self.request([
            "request=smtpd_access_policy", "protocol_state=RCPT", "recipient=alice+lists@example.org", "size=12345",
            "queue_id=8045F2AB23", "recipient_count=0", "sizes=9", "=", "",
        ])
        #expect(steps.last == .complete)
        #expect(steps.dropLast().allSatisfy { $0 == .needMore })
        #expect(request.recipient == "alice+lists@example.org")
        #expect(request.size == 12345)
        #expect(request.queueID == "8045F2AB23")
    }

    @Test(
        arguments: [
            ("alice@example.org", "alice@example.org", nil),
            ("alice+lists@example.org", "alice@example.org", "lists"),
            ("alice+a+b@example.org", "alice@example.org", "a+b"),
            ("+alice@example.org", "+alice@example.org", nil),
            ("alice+lists", "alice", "lists"),
            ("alice@ex+ample.org", "alice@ex+ample.org", nil),
            ("\"a@b+c\"@example.org", "\"a@b@example.org", "c\""),
            ("", "", nil),
        ] as [(String, String, String?)])
    func users(_ recipient: String, _ name: String, _ detail: String?) {
        let (request, _) = Self.request(["recipient=\(recipient)"])
        let user = request.user(delimiters: "+")
        #expect(user.name == name)
        #expect(user.detail == detail)
    }

    @Test func badSizesAreNone() {
        for text in ["", "-1", "99999999999999999999999", "x"] {
            #expect(Self.request(["size=\(text)"]).0.size == 0)
        }
    }

    @Test func endlessRequestEnds() {
        let (_, steps) = Self.request(Array(repeating: "a=b", count: 201))
        #expect(steps.last == .tooLong)
    }
}
