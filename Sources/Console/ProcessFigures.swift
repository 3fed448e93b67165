#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Figures of this process, read from the system when they are asked for.
///
/// Names are those that Prometheus' own client libraries use. On systems without `/proc` there are none.
public struct ProcessFigures: Hashable, Sendable {
  /// Bytes of memory in use.
  public var residentBytes = 0
  public var virtualBytes = 0
  /// Seconds of user and system time.
  public var cpuSeconds = 0.0
  public var openFileCount = 0
  public var threadCount = 0

  public static func now() -> ProcessFigures? {
    guard let line = text(of: "/proc/self/stat"), let name = line.lastIndex(of: ")") else {
      return nil
    }
    // The fields after the name, from the third of proc(5) on.
    let fields = line[line.index(after: name)...].split(separator: " ")
    func field(_ number: Int) -> Int {
      let index = number - 3
      return fields.indices.contains(index) ? Int(fields[index]) ?? 0 : 0
    }
    var figures = ProcessFigures()
    let ticks = max(1, sysconf(Int32(_SC_CLK_TCK)))
    figures.cpuSeconds = Double(field(14) + field(15)) / Double(ticks)
    figures.threadCount = field(20)
    figures.virtualBytes = field(23)
    figures.residentBytes = field(24) * max(1, sysconf(Int32(_SC_PAGESIZE)))
    figures.openFileCount = openFiles()
    return figures
  }

  /// The figures in Prometheus' text format.
  public var text: String {
    var text = ""
    func add(_ name: String, _ kind: String, _ value: String) {
      text += "# TYPE \(name) \(kind)\n" + PrometheusText.line(name, "", value)
    }
    add("process_cpu_seconds_total", "counter", PrometheusText.number(cpuSeconds))
    add("process_open_fds", "gauge", String(openFileCount))
    add("process_resident_memory_bytes", "gauge", String(residentBytes))
    add("process_threads", "gauge", String(threadCount))
    add("process_virtual_memory_bytes", "gauge", String(virtualBytes))
    return text
  }

  private static func text(of path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe read(descriptor, buffer.baseAddress, buffer.count)
    }
    return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }

  private static func openFiles() -> Int {
    guard let stream = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(stream) }
    var count = 0
    while unsafe readdir(stream) != nil { count += 1 }
    // Without ".", ".." and the descriptor of the stream itself.
    return max(0, count - 3)
  }
}
