import CLinux
import Glibc

/// A file without a name: what is in it goes with its last descriptor.
public enum UnlinkedFile {
    /// Makes one in `directory`, open for reading and writing; the descriptor is the caller's.
    public static func make(in directory: String) throws(StoreError) -> CInt {
        var template = Array("\(directory)/martlet-XXXXXX".utf8CString)
        let descriptor = martlet_mkostemp(&template, O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError.ofServer("make a temporary file in \(directory)") }
        unlink(template)
        return descriptor
    }
}
