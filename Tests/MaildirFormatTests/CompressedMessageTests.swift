import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

@Suite struct CompressedMessageTests {
    static let message = "Subject: hello\nTo: a@example.org\n\nbody body body\n"
    static let wire = "Subject: hello\r\nTo: a@example.org\r\n\r\nbody body body\r\n"

    /// The message as the tools write it; that of LZ4 in Dovecot's frame.
    static let samples: [(name: String, hex: String)] = [
        (
            "gzip",
            "1f8b08000000000002030b2e4dca4a4d2eb152c848cdc9c9e70ac9b752487448ad48cc2dc849d5cb2f4ae7e24aca4fa95480135c00ea637ef631000000"
        ),
        (
            "bzip2",
            "425a68393141592653596606c76a0000065f8000104001001040000c003ed6d66020002211a8d8a3046d4dea85068d1a0c80d2a3d4a214afc7d5a1301324553888c06d076b4a393d0b6f6e0ff1772453850906606c76a0"
        ),
        (
            "zstd",
            "28b52ffd04588901005375626a6563743a2068656c6c6f0a546f3a2061406578616d706c652e6f72670a0a626f647920626f647920626f64790a4127e98e"
        ),
        (
            "lz4",
            "446f7665636f742d4c5a340d2a9bc50001000000000020f00f5375626a6563743a2068656c6c6f0a546f3a2061406578616d706c652e6f00000015f00472670a0a626f647920626f647920626f64790a"
        ),
    ]

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).compactMap { ASCII.hexValue($0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private func read(_ octets: [UInt8], named name: String = "1700000000.M1P1.h,S=49") throws -> MessageOctets {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        temporary.put("cur/\(name):2,S", octets)
        let inbox = try temporary.account().mailbox(.inbox)
        return try inbox.read(BodyLocation(Array(name.utf8)), flags: FileFlags(.seen))
    }

    @Test(arguments: samples.indices) func isReadWithItsLineEnds(_ index: Int) throws {
        #expect(try self.read(Self.octets(Self.samples[index].hex)).text == Self.wire)
    }

    @Test(arguments: samples.indices) func severalStreamsAreOneMessage(_ index: Int) throws {
        // Dovecot's frame of LZ4 has no end, so that nothing can follow it.
        guard Self.samples[index].name != "lz4" else { return }
        let stream = Self.octets(Self.samples[index].hex)
        #expect(try self.read(stream + stream).text == Self.wire + Self.wire)
        #expect(try self.read(stream + Array("rest".utf8)).text == Self.wire)
    }

    @Test(arguments: samples.indices) func cutAnywhereItGivesAPartOrAnError(_ index: Int) throws {
        let stream = Self.octets(Self.samples[index].hex)
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        for end in 20..<stream.count {
            temporary.put("cur/\(end):2,S", Array(stream[..<end]))
            let inbox = try temporary.account().mailbox(.inbox)
            do throws(StoreError) {
                let text = try inbox.read(BodyLocation(Array("\(end)".utf8)), flags: FileFlags(.seen)).text
                #expect(Self.wire.hasPrefix(text), "cut at \(end)")
            } catch {
                #expect(error.code == .damaged)
            }
        }
    }

    /// A frame that ends, by an empty last block, before the octets that its header promises: what was cut out of it would
    /// not be missed otherwise. The file is longer than what is read at once, as only a stream in pieces has its end believed.
    @Test func lessThanTheHeaderSaysIsDamage() throws {
        let block = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
        func frame(promising size: UInt32) -> [UInt8] {
            // One segment, a size of four octets; a block of the octets as they are; an empty last one.
            var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000]
            for shift in [0, 8, 16, 24] { frame.append(UInt8(truncatingIfNeeded: size >> UInt32(shift))) }
            let header = UInt32(block.count) << 3
            for shift in [0, 8, 16] { frame.append(UInt8(truncatingIfNeeded: header >> UInt32(shift))) }
            return frame + block + [0x01, 0x00, 0x00]
        }
        #expect(try self.expand(frame(promising: 100_000)).isWhole)
        let (octets, isWhole) = try self.expand(frame(promising: 100_001))
        #expect(octets == block && !isWhole)
    }

    private func expand(_ compressed: [UInt8]) throws -> (octets: [UInt8], isWhole: Bool) {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        temporary.put("cur/1", compressed)
        let descriptor = open(temporary.maildir + "/cur/1", O_RDONLY)
        defer { close(descriptor) }
        let path = RelativePath("1")
        let kind = try #require(Decompressor.Kind(Array(compressed.prefix(Decompressor.Kind.length))))
        var source = try Decompressor(kind, descriptor, path)
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var octets: [UInt8] = []
        while true {
            let piece = try buffer.withUnsafeMutableBytes { bytes in try source.next(bytes, path) }
            switch piece {
            case .octets(let count): octets += buffer[..<count]
            case .end: return (octets, true)
            case .damage: return (octets, false)
            }
        }
    }

    /// The length of a chunk that no frame of that kind may have, behind a good one, and more octets than there is room for.
    @Test func badLengthBehindGoodChunkEnds() throws {
        guard let sample = Self.samples.first(where: { $0.name == "lz4" }) else { return }
        let filling = [UInt8](repeating: 0x41, count: 400_000)
        do {
            let text = try self.read(Self.octets(sample.hex) + [0xFF, 0xFF, 0xFF, 0xFF] + filling).text
            #expect(text.isEmpty || Self.wire.hasPrefix(text))
        } catch let error as StoreError {
            #expect(error.code == .damaged)
        }
    }

    @Test(arguments: samples.indices) func brokenAnywhereItEnds(_ index: Int) throws {
        let stream = Self.octets(Self.samples[index].hex)
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        for position in 18..<stream.count {
            var broken = stream
            broken[position] ^= 0x55
            temporary.put("cur/\(position):2,S", broken)
            let inbox = try temporary.account().mailbox(.inbox)
            _ = try? inbox.read(BodyLocation(Array("\(position)".utf8)), flags: FileFlags(.seen))
        }
    }

    /// What expands to nothing, or beyond all bounds, is not expanded again at each look; a file that takes its place is.
    @Test func damageIsRemembered() throws {
        let stream = Self.octets(Self.samples[0].hex)
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        let inbox = try temporary.account().mailbox(.inbox)
        let location = BodyLocation(Array("1".utf8))
        temporary.put("cur/1:2,S", Array(stream[..<10]) + [UInt8](repeating: 0xFF, count: 30))
        for _ in 0..<2 {
            do throws(StoreError) {
                _ = try inbox.read(location, flags: FileFlags(.seen))
                Issue.record("it was read")
            } catch {
                #expect(error.code == .damaged)
            }
        }
        var status = stat()
        try #require(stat(temporary.maildir + "/cur/1:2,S", &status) == 0)
        #expect(UnreadableFiles.shared.reason(UnreadableFiles.Key(status)) != nil)
        temporary.put("cur/1:2,S", stream)
        #expect(try inbox.read(location, flags: FileFlags(.seen)).text == Self.wire)
    }

    @Test func whatOnlyLooksCompressedStays() throws {
        // A client may store any octets; the name tells that these are all.
        let stream = Self.octets(Self.samples[0].hex)
        let name = "1700000000.M1P1.h,S=\(stream.count),W=\(stream.count)"
        var wire: [UInt8] = []
        stream.withUnsafeBytes { LineEnds.expand($0, into: &wire) }
        #expect(try self.read(stream, named: name).bytes == wire)
        let text = "BZhello: this is no header\n\nx\n"
        #expect(try self.read(Array(text.utf8), named: "1.M1P1.h").text == "BZhello: this is no header\r\n\r\nx\r\n")
    }

    /// The others of the mailbox are listed and read as if it were not there.
    @Test func xzIsRefusedByMessage() throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        let xz: [UInt8] = [
            0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0, 4, 0xE6, 0xD6, 0xB4, 0x46, 2, 0, 0x21, 1, 0x16, 0, 0, 0,
        ]
        temporary.put("cur/1.M1P1.h:2,S", xz)
        temporary.put("cur/2.M1P1.h:2,S", Self.octets(Self.samples[0].hex))
        let inbox = try temporary.account().mailbox(.inbox)
        #expect(try inbox.scan().messages.count == 2)
        #expect(try inbox.read(BodyLocation(Array("2.M1P1.h".utf8)), flags: FileFlags(.seen)).text == Self.wire)
        do throws(StoreError) {
            _ = try inbox.read(BodyLocation(Array("1.M1P1.h".utf8)), flags: FileFlags(.seen))
            Issue.record("it was read")
        } catch {
            #expect(error.code == .damaged)
            #expect(error.detail.contains("compressed with xz"))
        }
    }

    @Test func scansTellTheSizeUncompressed() throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        temporary.put("cur/1.M1P1.h,S=49,W=53:2,S", Self.octets(Self.samples[0].hex))
        let inbox = try temporary.account().mailbox(.inbox)
        #expect(try inbox.scan().messages.map(\.size) == [53])
    }
}
