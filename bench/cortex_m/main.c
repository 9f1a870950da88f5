/* Classifies the images in images.bin on a Cortex-M without an operating system or a C library. What it reads and
   prints goes through semihosting, which QEMU, and a debugger of a real board, answer.

   For each image a line as example.c prints it, then the ticks of SysTick that it took; last, the bytes of stack that
   were used. */
#include <stdint.h>

#include "model.h"

#define SYSTICK ((volatile uint32_t *)0xe000e010u) /* control, reload value, current value: it counts down, 24 bits */
#define PAINT 0xa5a5a5a5u

enum { OPEN = 0x01, WRITE = 0x04, READ = 0x06, EXIT = 0x18 };

extern uint32_t stack_bottom[], stack_top[];

static uint8_t image[MODEL_HEIGHT * MODEL_WIDTH * MODEL_CHANNELS];
static int32_t scores[MODEL_CLASSES];

static int32_t semihost(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

static void print(const char *text)
{
    semihost(WRITE, (uintptr_t)text);
}

static void print_number(int32_t number)
{
    char text[12];
    char *place = text + sizeof text - 1;
    uint32_t left = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;

    *place = '\0';
    do {
        *--place = (char)('0' + left % 10u);
        left /= 10u;
    } while (left);
    if (number < 0) {
        *--place = '-';
    }
    print(" ");
    print(place);
}

static void end(uintptr_t reason)
{
    semihost(EXIT, reason);
    for (;;) {
    }
}

static void fault(void)
{
    print("fault\n");
    end(0x20023u); /* a run-time error */
}

static int32_t stack_used(void)
{
    const volatile uint32_t *word = stack_bottom;

    while (*word == PAINT) {
        word++;
    }
    return (int32_t)((uintptr_t)stack_top - (uintptr_t)word);
}

static void reset(void)
{
    static const char name[] = "images.bin";
    const uintptr_t opening[3] = {(uintptr_t)name, 1 /* rb */, sizeof name - 1};
    volatile uint32_t *word = stack_bottom;
    int32_t file;

    while ((uintptr_t)word < (uintptr_t)__builtin_frame_address(0) - 128) {
        *word++ = PAINT;
    }
    SYSTICK[1] = 0xffffffu;
    SYSTICK[0] = 5; /* the processor's clock, no interrupts */
    file = semihost(OPEN, (uintptr_t)opening);
    for (;;) {
        const uintptr_t reading[3] = {(uintptr_t)file, (uintptr_t)image, sizeof image};
        uint32_t before, after;
        int class;

        if (file < 0 || semihost(READ, (uintptr_t)reading) != 0) { /* how many bytes are missing */
            break;
        }
        before = SYSTICK[2];
        class = model_classify(image, scores);
        after = SYSTICK[2];
        print_number(class);
        print(":");
        for (class = 0; class < MODEL_CLASSES; class++) {
            print_number(scores[class]);
        }
        print_number((int32_t)((before - after) & 0xffffffu));
        print("\n");
    }
    print("stack:");
    print_number(stack_used());
    print("\n");
    end(0x20026u); /* the program has ended */
}

/* What the processor starts from: the stack, and what to call at the beginning and when something goes wrong. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {stack_top, {reset, fault, fault, fault, fault, fault}};
