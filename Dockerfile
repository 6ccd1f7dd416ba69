# docker build -t isomer .
# docker run --rm -v "$PWD:/data" isomer convert model out.safetensors

FROM swift:6.3-bookworm AS build
WORKDIR /isomer
COPY Tools/setup Tools/isomer Tools/
RUN Tools/setup
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN Tools/isomer --version \
    && install -D -s .build/release/isomer /out/isomer

FROM debian:12-slim
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends zlib1g libpng16-16 libjpeg62-turbo \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/isomer /usr/local/bin/isomer
WORKDIR /data
ENTRYPOINT ["isomer"]
CMD ["--help"]
