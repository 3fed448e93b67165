#if canImport(Glibc)
  private import Glibc
#endif

/// How the process keeps memory that it has freed.
enum MemoryPools {
  /// Requests from this size on are mapped for themselves, in bytes; the most that glibc accepts.
  private static let mappedByteCount: Int32 = 32 << 20
  /// How much freed memory at the end of a pool stays with the process, in bytes.
  private static let keptByteCount: Int32 = 32 << 20

  /// Lets the buffers of results and uploads be used again. By default they are large enough to be
  /// given back to the system each time, and every page is then zeroed and mapped anew: 17,000
  /// faults for 10 million rows, against 1,400.
  static func keepFreedMemory() {
    #if canImport(Glibc)
      // By name: Swift's module of the C library leaves <malloc.h> out.
      guard let address = unsafe dlsym(nil, "mallopt") else { return }
      typealias Mallopt = @convention(c) (Int32, Int32) -> Int32
      let mallopt = unsafe unsafeBitCast(address, to: Mallopt.self)
      let (trimThreshold, mmapThreshold): (Int32, Int32) = (-1, -3)
      _ = mallopt(mmapThreshold, mappedByteCount)
      _ = mallopt(trimThreshold, keptByteCount)
    #endif
  }
}
