// The program whose precompiled headers all tests use (cmake/SwinRooms.cmake).
int main() {}
