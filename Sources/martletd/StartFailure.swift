/// Why the daemon does not start.
struct StartFailure: Error {
    let text: String
    let status: CInt

    init(_ text: String, status: CInt) {
        self.text = text
        self.status = status
    }
}
