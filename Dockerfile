# EventFlow's one image: five static programs and nothing else. "make image" builds
# them on the host, so that this file needs no base image and no BuildKit.
FROM scratch
COPY bin/linux/ /
USER 65532:65532
