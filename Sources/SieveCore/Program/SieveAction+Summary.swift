extension SieveAction.Kind {
    /// The action for a person, in one line: `fileinto "Work", with flags \Seen`.
    public var summary: String {
        switch self {
        case .keep(let flags): "keep" + (flags.isEmpty ? "" : " with flags \(flags.joined(separator: " "))")
        case .fileInto(let place):
            "fileinto \"\(place.mailbox)\"" + (place.creates ? ", made if missing" : "")
                + (place.flags.isEmpty ? "" : ", with flags \(place.flags.joined(separator: " "))")
        case .redirect(let address): "redirect to \(address)"
        case .discard: "discard"
        case .reject(let reason, let extended): (extended ? "ereject: " : "reject: ") + reason
        case .vacation(let vacation): "vacation: \(String(decoding: vacation.reason, as: UTF8.self))"
        case .notify(let notification): "notify \(String(decoding: notification.method, as: UTF8.self))"
        case .report(let report): "report to \(report.address)"
        case .pipe(let call): "pipe to \(call.program)"
        }
    }
}
