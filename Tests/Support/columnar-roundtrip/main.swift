import Columnar
print(IPCLimits.default)
