import Dispatch
import Glibc

/// Output is line-buffered only on a terminal; a test that reads a pipe waits for the line.
func flushOutput() {
  fflush(nil)
}

/// Returns when the process is asked to end.
func terminationSignal() async {
  signal(SIGTERM, SIG_IGN)
  let source = DispatchSource.makeSignalSource(signal: SIGTERM)
  await withCheckedContinuation { continuation in
    source.setEventHandler { continuation.resume() }
    source.resume()
  }
  source.cancel()
}
