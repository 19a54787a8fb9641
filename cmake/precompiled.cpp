// What the owners of precompiled headers are made of (cmake/SwinRooms.cmake).
int main() {}
