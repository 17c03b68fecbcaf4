import MailCore
import SASLCore

/// Mechanisms under any order of responses and answers: an exchange ends once, asks only for what has no NUL and is within
/// its limits, and succeeds only where the verifier said so.
func fuzzSASL(_ input: FuzzInput) {
    var input = input
    let mechanisms = SASLRegistry.builtIn.mechanisms
    let mechanism = mechanisms[input.number(below: mechanisms.count)]
    var exchange = mechanism.begin()
    var isOver = false
    var isAsked = false
    var isAccepted = false
    for step in 0..<24 where !input.isEmpty {
        let event = input.octet()
        let action: SASLAction
        if event & 3 == 0 {
            isAccepted = isAsked && event & 4 != 0
            action = exchange.answered(event & 4 != 0 ? .accepted : .refused)
        } else {
            action = exchange.received(step == 0 && event & 4 == 0 ? nil : input.field(until: 0xFF))
        }
        switch action {
        case .done:
            need(!isOver && isAsked && isAccepted, "success without a reason")
            isOver = true
        case .fail: isOver = true
        case .challenge, .ask: need(!isOver, "it goes on behind its end")
        }
        isAsked = false
        if case .ask(let question) = action {
            isAsked = true
            check(question)
        }
    }
    let name = input.field()
    if let parsed = SASLMechanismName(bytes: name) { need(SASLMechanismName(parsed.text) == parsed) }
}

private func check(_ question: SASLQuestion) {
    switch question {
    case .password(let credentials):
        need(!credentials.authenticationIdentity.isEmpty && !credentials.password.isEmpty)
        need(credentials.authenticationIdentity.utf8.count <= SASLCredentials.maximumLength)
        need(credentials.password.count <= SASLCredentials.maximumLength)
        need(!credentials.password.contains(0) && !credentials.authenticationIdentity.utf8.contains(0))
        let message = PlainExchange.message(
            user: credentials.authenticationIdentity, password: credentials.password,
            authorizationIdentity: credentials.authorizationIdentity)
        same(message.flatMap { PlainExchange.parse($0) }, credentials, "PLAIN")
    }
}
