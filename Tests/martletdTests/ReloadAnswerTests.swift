import Glibc
import TemporaryFiles
import Testing
import Wiring

@Suite struct ReloadAnswerTests {
    @Test(arguments: [
        ReloadAnswer(mark: "1.1", result: .done, lines: []),
        ReloadAnswer(mark: "4711.3", result: .refused, lines: ["a.conf:1: x is unknown", "line with  blanks ", "ü"]),
    ])
    func comesBackAsItWent(_ answer: ReloadAnswer) throws {
        #expect(ReloadAnswer(text: answer.text) == answer)
        try TemporaryDirectory.with { directory in
            let path = ReloadAnswer.path(baseDirectory: directory)
            #expect(ReloadAnswer.read(path) == nil)
            // One that a daemon left when it was killed is no obstacle.
            try TemporaryDirectory.write(Array("martlet".utf8), to: path + ".new")
            #expect(answer.write(to: path))
            #expect(answer.write(to: path))
            #expect(ReloadAnswer.read(path) == answer)
            #expect(TemporaryDirectory.names(directory) == ["reload"])
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        }
    }

    @Test func linesStayLines() {
        let answer = ReloadAnswer(mark: "1.1", result: .refused, lines: ["a\nresult done"])
        #expect(ReloadAnswer(text: answer.text)?.lines == ["a", "result done"])
        #expect(ReloadAnswer(text: answer.text)?.result == .refused)
    }

    @Test(arguments: [
        "", "martlet reload 1\n", "martlet reload 1\nmark 1.1\n", "martlet reload 2\nmark 1.1\nresult done\n",
        "martlet reload 1\nmark 1.1\nresult odd\n", "martlet reload 1\nmark 1.1\nresult do",
        "martlet reload 1\nmark\nresult done\n",
    ])
    func refuses(_ text: String) { #expect(ReloadAnswer(text: text) == nil) }
}
