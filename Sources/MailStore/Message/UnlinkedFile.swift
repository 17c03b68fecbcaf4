import Glibc

/// A file without a name: what is in it goes with its last descriptor.
public enum UnlinkedFile {
    /// Makes one in `directory`, open for reading and writing; the descriptor is the caller's.
    public static func make(in directory: String) throws(StoreError) -> CInt {
        var template = Array("\(directory)/martlet-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw StoreError.ofServer("make a temporary file in \(directory)") }
        unlink(template)
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            let failure = StoreError.ofServer("make a temporary file in \(directory)")
            close(descriptor)
            throw failure
        }
        return descriptor
    }
}
