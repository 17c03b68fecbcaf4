import IndexedStore
import Testing

@testable import MaildirFormat

@Suite struct AttributesFileTests {
    static let guid = "a1b2c3d4e5f60718293a4b5c6d7e8f90"

    private func attribute(_ name: String, _ value: String?, isShared: Bool = false) -> StoredAttribute {
        StoredAttribute(guid: Self.guid, isShared: isShared, name: name, value: value.map { Array($0.utf8) })
    }

    @Test func readsAndWritesDovecotsForm() {
        let text = "priv/\(Self.guid)/comment\nline\u{1}none\u{1}1two\nother/key\nkept\nshared/\(Self.guid)/a/b\n\n"
        var file = AttributesFile(Array(text.utf8))
        #expect(
            file.attributes == [
                self.attribute("comment", "line\none\u{1}two"), self.attribute("a/b", "", isShared: true),
            ])
        #expect(file.encoded() == Array(text.utf8))
        file.change(self.attribute("comment", "x\r\n\ty\0"))
        file.change(self.attribute("a/b", nil, isShared: true))
        file.change(self.attribute("new", "n"))
        let written = String(decoding: file.encoded(), as: UTF8.self)
        #expect(
            written
                == "priv/\(Self.guid)/comment\nx\u{1}r\u{1}n\u{1}ty\u{1}0\nother/key\nkept\npriv/\(Self.guid)/new\nn\n")
        #expect(AttributesFile(file.encoded()) == file)
        file.remove(Self.guid)
        #expect(String(decoding: file.encoded(), as: UTF8.self) == "other/key\nkept\n")
    }

    @Test(arguments: ["", "\n", "key", "key\n", "\n\n\n", "priv/\n\n", "priv/x/y\nz\n", "\u{1}"])
    func nothingUsable(_ text: String) {
        #expect(AttributesFile(Array(text.utf8)).attributes.isEmpty)
    }

    @Test func entriesWithoutAnything() {
        let file = AttributesFile(Array("\u{1}\n\nother/key\nkept\n".utf8))
        #expect(AttributesFile(file.encoded()) == file)
    }

    @Test func lastValueCounts() {
        let file = AttributesFile(Array("priv/\(Self.guid)/a\n1\npriv/\(Self.guid)/a\n2\n".utf8))
        #expect(file.attributes == [self.attribute("a", "2")])
    }
}
