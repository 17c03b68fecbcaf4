import Glibc
import TemporaryFiles
import Testing

@testable import VolumeLog

@Suite struct DirectoryLockTests {
    /// Another holder of the open file, as a forked child is one until its exec, does not keep the lock.
    @Test func isFreeThoughTheDescriptorLives() throws {
        let directory = try TemporaryDirectory()
        var lock: DirectoryLock? = try DirectoryLock(directory: directory.path)
        #expect(throws: VolumeLogError.self) { _ = try DirectoryLock(directory: directory.path) }
        let copy = dup(try #require(lock).descriptor)
        defer { close(copy) }
        lock = nil
        _ = try DirectoryLock(directory: directory.path)
    }

    /// An administrator is to see at once whom to stop.
    @Test func theHolderIsNamed() throws {
        let directory = try TemporaryDirectory()
        let lock = try DirectoryLock(directory: directory.path)
        let error = #expect(throws: VolumeLogError.self) { _ = try DirectoryLock(directory: directory.path) }
        #expect(error?.description == "flock \(directory.path)/lock: process \(getpid()) has it")
        withExtendedLifetime(lock) {}
    }
}
