# docker build -t pgsrm .
# docker run --rm -v "$PWD/runs:/runs" pgsrm compare --out /runs/colors
# docker run -p 127.0.0.1:8900:8900 pgsrm serve --task colors --reward pgsrm --listen :8900 --insecure
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
      -ldflags "-s -w -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/pgsrm ./cmd/pgsrm \
 && mkdir -p /out/home /out/runs /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /src/NOTICE /src/THIRD_PARTY_NOTICES /licenses/
COPY --from=build --chown=65532:65532 /out/home /home/pgsrm
COPY --from=build --chown=65532:65532 /out/runs /runs
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build /out/pgsrm /usr/local/bin/pgsrm
ENV HOME=/home/pgsrm PATH=/usr/local/bin
USER 65532:65532
WORKDIR /runs
# Of pgsrm serve --listen :8900.
EXPOSE 8900
ENTRYPOINT ["/usr/local/bin/pgsrm"]
