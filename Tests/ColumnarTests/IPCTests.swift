import Columnar
import Testing

@Suite struct IPCTests {}
