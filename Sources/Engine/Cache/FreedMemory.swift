#if canImport(Glibc)
  private import Glibc
#endif

/// Memory that is freed stays with the process, to be used again. After much of it was freed at once, it goes back to the system.
public enum FreedMemory {
  /// Less is not worth the time that the search takes, in bytes.
  private static let leastByteCount = 16 << 20

  /// - Parameter byteCount: What was freed just now. All references to it must be gone.
  public static func giveBack(after byteCount: Int) {
    guard byteCount >= leastByteCount else { return }
    #if canImport(Glibc)
      // By name: Swift's module of the C library leaves <malloc.h> out.
      guard let address = unsafe dlsym(nil, "malloc_trim") else { return }
      typealias Trim = @convention(c) (Int) -> Int32
      _ = unsafe unsafeBitCast(address, to: Trim.self)(1 << 20)
    #endif
  }
}
