# Stands in for systemd's notify socket: prints each message as a line of JSON, [seconds, text], and closes what came with it, which is what
# systemd-notify waits for (BARRIER=1).
import json, os, socket, sys, time

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print(json.dumps([time.monotonic(), 'listening']), flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(receiver, 65536, 4)
    for descriptor in descriptors:
        os.close(descriptor)
    print(json.dumps([time.monotonic(), data.decode()]), flush=True)
