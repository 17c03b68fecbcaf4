import Glibc

/// Stops the program, which libFuzzer takes for a crash, and says where and why: a release build's `precondition` is mute.
func fail(_ text: String, file: StaticString = #file, line: UInt = #line) -> Never {
    print("FUZZ \(file):\(line): \(text)")
    fflush(nil)
    abort()
}

/// What must hold for any input.
@inline(__always)
func need(_ holds: Bool, _ text: @autoclosure () -> String = "", file: StaticString = #file, line: UInt = #line) {
    if !holds { fail(text(), file: file, line: line) }
}

/// Whether the two are the same, and what differs when not.
func same<T: Equatable>(_ a: T, _ b: T, _ what: String, file: StaticString = #file, line: UInt = #line) {
    if a != b { fail("\(what): \(a) is not \(b)", file: file, line: line) }
}
