// The translation unit that the headers of all tests are precompiled for (cmake/SwinRooms.cmake).
